"""The command line, which knows every package and which nothing imports."""
