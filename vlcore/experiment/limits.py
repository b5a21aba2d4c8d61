"""What foreign bytes and visitors may ask for: every limit with its number; docs/security.md has
them as a table.

Each is looked at before anything is built of what it limits. Modules read them here when they need
them, so that there is one number for each and a test can make it small."""

MB, GB = 2**20, 2**30

# Images
UPLOAD_BYTES = 20 * MB  # one image that a visitor gives, such as a phone's photograph
PICTURE_BYTES = 50 * MB  # one file of a folder or a zip
PIXELS = 40_000_000  # of an image, before one of them is decoded

# Folders, zips and their tables
ENTRIES = 50_000  # of a zip
FILES = 500_000  # of a folder on this machine
ZIP_BYTES = 64 * GB  # what a zip unpacks to, by what it claims
RATIO = 200  # unpacked to packed; images are packed already and hardly shrink
PATH_PART = 255  # bytes of the name of a file or a folder
PATH_PARTS = 32  # folders inside each other
ROWS = 500_000  # of a table
NAMES = 1_000  # objects, or contexts, among which two are chosen
USER_COLUMNS = 50  # of a user's own, which a set keeps
FEATURES = 16_384  # numbers of an image, in features of a user's own

# Checkpoints of others
CHECKPOINT_BYTES = 16 * GB  # to be downloaded
LAYERS = 200  # of a tower
IMAGE_SIDE = 1_024  # px of an image that a checkpoint reads
CHECKPOINT_SLACK = 4 * GB  # of memory, over its weights and their float32 copy

# Jobs in a worker
# A job that does not say that it takes longer; a training has as many as its steps need.
JOB_SECONDS = 300
LONG_JOB_SECONDS = 3_600  # an import, the checks of a set, a checkpoint with its download
# Seconds more, after which the worker of a job ends that did not stop when it was told to.
JOB_LATE = 60

# The helper process
MEMORY = 2 * GB  # over what it has when it starts
DECODE_SECONDS = 20  # one image, or a look at a source that a visitor gives
LOOK_SECONDS = 600  # a look at a source in an import that nobody waits for
AT_ONCE = 2  # of what helpers of this server do
WAIT_SECONDS = 60  # for one's turn
ANSWER_BYTES = 256 * MB  # what a helper gives back

# A visitor who is no teacher
# That wait or run at once: the four of a page, its four twins, and a comparison of four.
TRAININGS = 12
SHORT_JOBS = 24  # the same of what takes seconds: maps, checks, untrained encoders
TOLD_BYTES = 25 * MB  # what a page is told at once
MESSAGES_AT_ONCE = 60  # that a page says: clicks, and looks at what it follows
# After these; a page that says more is disconnected, and comes back by itself.
MESSAGES_A_SECOND = 5
EXPORTS = 1  # images of maps that are being made at once
UPLOADS = 200 * MB  # bytes of a page, on the server
ALL_UPLOADS = GB  # bytes of all
UPLOAD_NAMES = 3_000  # files that a page may announce at once
FOLDER_FILES = 500  # of a folder that a page uploads; its script has the same number
KEPT_SESSIONS = 1_000  # of visitors whose connection ended, for two minutes
FREE_BYTES = 2 * GB  # of the disk, below which nothing new is made
LESSONS = 3  # of a browser, open at once: one more ends one that rests or that nobody takes part in
# Of all browsers behind an address, for a classroom may be one; those in use never end.
LESSONS_OF_ADDRESS = 30
ALL_LESSONS = 500  # of a server
VOTERS_OF_ADDRESS = 200  # of a lesson
VOTERS = 1_000  # of a lesson
TEAMS = 60  # of a lesson
REPAIR_TRIES = 3  # lists that a team may train in a lesson
