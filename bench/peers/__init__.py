"""Our way in beside others', on one machine: `python -m bench.peers`."""
