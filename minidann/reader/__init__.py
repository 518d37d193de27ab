"""The lessons as HTML: prose on the left, the code it speaks of on the right."""
