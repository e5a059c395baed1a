"""`python -m rehearsal_ray`."""

from rehearsal_ray import main

raise SystemExit(main())
