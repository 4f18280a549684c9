"""The labs of the course and how they are delivered."""
