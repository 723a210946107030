"""One module for each framework, each with a class ``Adapter`` that follows :mod:`models.contract`.

Read them side by side: the same members in the same order, so that what differs is the framework.
"""
