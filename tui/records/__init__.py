"""What a person takes along of a record: its payload, the command that repeats it, a file of JSON lines."""
