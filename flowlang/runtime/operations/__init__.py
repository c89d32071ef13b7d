"""What operators do with runs, from Python and from the command line alike."""
