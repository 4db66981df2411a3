"""Mail: reading what was received, and composing what is sent."""
