"""What is deployed: the version of all of it, as pyproject.toml has it."""

VERSION = "0.3.0"
