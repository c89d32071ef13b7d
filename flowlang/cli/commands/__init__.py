"""One module for each command or group of commands. `cli/main.py` names them all."""
