"""The servers that are measured, each a program of its own; those of others run in environments without ours."""
