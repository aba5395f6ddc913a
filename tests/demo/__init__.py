"""./quickstart's private mail system, and the story that it can play."""
