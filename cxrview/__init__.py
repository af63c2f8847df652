"""cxrview: look at chest radiographs, let a network read them, see where and how sure."""

__version__ = "0.1.0"
