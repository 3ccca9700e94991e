#!/bin/sh
# Runs a command of Bouncedesk as the service runs: its user, its settings, its secrets, its data.
# Goes to /usr/local/sbin/bouncedesk; for root.
exec systemd-run --quiet --collect --wait --pipe --service-type=exec \
  --property=User=bouncedesk \
  --property=Group=bouncedesk \
  --property=UMask=0077 \
  --property=StateDirectory=bouncedesk \
  --property=StateDirectoryMode=0700 \
  --property=EnvironmentFile=/etc/bouncedesk/bouncedesk.env \
  --property=LoadCredential=bouncedesk:/etc/bouncedesk/credentials \
  --setenv=BOUNCEDESK_DATA=/var/lib/bouncedesk \
  --setenv=PYTHONDONTWRITEBYTECODE=1 \
  --working-directory=/var/lib/bouncedesk \
  /opt/bouncedesk/current/bin/bouncedesk "$@"
