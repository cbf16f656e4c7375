"""The last module that `import_in_server` lets a server import."""

from tratree.large_imports import end

end()
