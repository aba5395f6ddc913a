"""Random traffic through several daemons while they and their Redis are
killed at random, and a judge of what they let through."""
