"""What a class sees of itself: the round on a student's page, and the instructor's screens."""
