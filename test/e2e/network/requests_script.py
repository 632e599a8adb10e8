"""A script as people write them: URLs to get with requests, one after the other on one session."""
import sys

import requests

session = requests.Session()
for url in sys.argv[1:]:
    answer = session.get(url, timeout=20)
    print(answer.status_code, answer.url, answer.text.strip())
