"""How good is it, how sure is that, and how far apart are two domains?"""
