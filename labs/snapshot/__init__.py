"""Labs as static HTML: no server, no network, no Python, and still labs.

The outcome of every recorded state of the controls lies in the file, in compressed columns; the page plays it
with the very components of the live page.
"""
