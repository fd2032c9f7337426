# No sources: everything is in the archive.
global-incdirs-y += . ../../..
