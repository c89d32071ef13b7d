"""The benchmarks of the durable runtime, by subject; `../durable.py` is their command."""
