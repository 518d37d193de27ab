"""The lessons as HTML, with the code that they speak of on the right, and as notebooks."""
