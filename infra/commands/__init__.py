"""The `deskweave` command's subcommands: every click command that a module here defines is one."""
