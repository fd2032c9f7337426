# No sources: everything is in the archives of the trusted rooms.
global-incdirs-y += . ../../../..
