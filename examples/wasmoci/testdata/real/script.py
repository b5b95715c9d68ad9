"""The script of TestRealPython."""
import errno
import json
import os
import sys

with open("/in/greeting") as f:
    greeting = f.read().strip()
with open("/out/copy", "w") as f:
    f.write(greeting)
try:
    open("/in/new", "w")
    refused = None
except OSError as e:
    refused = errno.errorcode[e.errno]

json.dump({
    "argv": sys.argv,
    "greeting": greeting,
    "listing": sorted(os.listdir("/in")),
    "refused": refused,
    "version": list(sys.version_info[:2]),
    "who": os.environ["WHO"],
}, sys.stdout, sort_keys=True)
sys.exit(42)
