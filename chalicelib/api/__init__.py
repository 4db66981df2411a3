"""The REST API: blueprints of short routes behind one door (door.py), described by openapi.py."""
