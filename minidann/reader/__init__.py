"""The lessons as HTML: prose on the left, the code it speaks of on the right."""


class LessonError(ValueError):
    """What is wrong with a quote, a link or an equation of a lesson, in one line."""
