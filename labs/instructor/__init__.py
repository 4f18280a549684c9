"""Pages for those who teach the course; nobody else reaches them."""
