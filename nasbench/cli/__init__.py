"""The command line: the roof of the house, which knows every package and which nothing imports."""
