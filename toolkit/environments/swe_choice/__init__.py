"""Bugs of real code for models that cannot read code: a choice among marked places.

`choices` holds the tasks and what their tests said, `making` asks the tests, and
`environment` is the world.
"""
