"""The configuration of a course: one TOML file, checked as a whole before anything is served."""

from labs.course.file import CourseFileError, load_course
from labs.course.model import Course, Offer
from labs.course.sign_in import SignIn

__all__ = ["Course", "CourseFileError", "Offer", "SignIn", "load_course"]
