"""What instructors see of their class: the live view of a lab, the overview of the course, and its tables."""
