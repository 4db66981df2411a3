"""Finding what time and half-finished deployments leave of a stage, and mending it on request: `deskweave doctor`."""
