"""Names of fields that state an outcome, and the words that say one."""

from __future__ import annotations

import re

from tratree.trajectory.words import words

_OF = (
    r"(?:is|was|has|the|final|last|end|total|sum|overall|episode|ep|task|game|goal|env|environment"
    r"|trajectory|traj|outcome|cumulative|cumulated|accumulated|cum|average|avg|mean|normalized|norm"
    r"|all|objectives?|goals|target|mission|criteria|solution|subgoals?|agent|sample|run|eval|evaluation|raw|original|true|gt|terminal|sparse|accuracy|success"
    r"|correctness|completion|rm|tokenlevel|alfworld|scienceworld|sciworld|webshop)*"
)
"""Words before the name of an outcome; names are compared in small letters, without others."""

SCORE = re.compile(
    rf"{_OF}(?:scores?|rewards?|rews?|ret|return|accuracy|acc|rewardscore)"
    r"(?:value|sum|total|mean|avg|list|history|final|overall)?|sr|r|exactmatch|(?:per)?step(?:reward|score)s?"
    rf"|{_OF}(?:success|win|pass|solved?|progress)rate"
)
RUNNING = re.compile(rf"{_OF}score")
MOST = re.compile(r"(?:max|maximum|full)(?:possible)?score|maxpossible(?:score|reward)|scoremax")
SUCCESS = re.compile(
    rf"{_OF}(?:success|successful|successfully|succeed|succeeded|succ|won|win|winner|solved|resolved"
    r"|passed|pass|correct|reached|achieved|attained|accomplished|fulfilled|satisfied|met|verified"
    r"|(?<=solution)found|(?<=task)completed|(?<=goal)completed|completedsuccessfully)(?:flag)?"
)
WON = re.compile(rf"{_OF}won")
WITHIN_SCORE = re.compile(
    rf"{SCORE.pattern}|{SUCCESS.pattern}|value|total|sum|final|overall|mean|correctness"
)
FAILURE = re.compile(rf"{_OF}(?:fail|failed|failure|lost|unsuccessful|unsolved)")
ENDED = re.compile(rf"{_OF}(?:completed|complete|done|finished)")
MAYBE = re.compile(
    r"(?!.*(?:id|idx|index|num|count|type|model)\Z).*(?:score|reward|success|correct|outcome|solved"
    r"|passed|won\Z|win\Z|met\Z|achiev|reach|accept|fail|goal|complet|accomplish|satisf|fulfil)"
)
"""Parts of names that may be those of an outcome."""

VERDICT = re.compile(
    rf"{_OF}(?:outcome|result|status|verdict|label|evaluation|eval|judge?ment|grade|correctness)"
)
_PARTS = r"format|tool|action|step|(?<!s)pars|syntax|json|valid(?!ation)|chosen|rejected"
OTHER_SCORE = re.compile(
    rf"(?!.*(?:{_PARTS}|length|style|quality|difficult|similar|confiden|relevan|penal|bonus|shap|max"
    r"|min|best|target|threshold|weight|model|baseline|expected|std|rank|process|win|lose|help|safe))"
    r".*(?:score|reward)"
)
OTHERWISE = re.compile(
    rf"(?!.*(?:{_PARTS}))"
    r".*(?:success|successful|solved|correct|passed|won|achieved|accomplished|satisfied"
    r"|label|ktotag|outcome|verdict)"
)
"""Other names of a success, which count only where it is true or false: not those of a part."""

REASON = re.compile(
    r"termination|(?:done|terminat(?:e|ed|ion)|exit|end|final|stop|finish)"
    r"(?:reason|status|state|condition)"
)
_LIMIT = r"(?:max|limit|step|turn|time|token|context|length|budget|iteration|s)+"
CUT = re.compile(
    rf"{_OF}(?:truncated|cutoff|timedout|timeout|gaveup|aborted|{_LIMIT}(?:reached|exceeded|hit))"
)
"""Names of what ends an episode without a success."""

CUT_SHORT = re.compile(
    r"\b(?:max|maximum|limits?|exceed(?:s|ed|ing)?|truncat(?:ed|ion)|time[ -]?d?[ -]?out|out of"
    r"|giv(?:es?|en) up|gave up|too many|budget|exhausted|abort(?:ed)?|cancell?ed|interrupted)\b"
)
"""Words of such an end, ``_`` as a space."""

NO_PLACES = frozenset(
    words(
        "wrapper rewardmodel tools functions conversations conversation messages dialogue "
        "dialog turns chat content contents text transcript prompt chosen rejected completion "
        "response input instruction instructions system weave usage"
    )
)
"""Fields whose inner fields are no outcome: what was said, and how a program was set."""

OF_A_PROGRAM = frozenset(
    words(
        "run_type span_type trace_id traceid span_id op_name trace latency latency_ms samples "
        "tool_call_id parent_id parent_run_id finish_reason"
    )
)
"""Fields beside a ``status`` that is a program's, which may have ended well whatever it did."""

SETTINGS = words("config configuration settings args arguments params parameters options")
YES = frozenset(
    words(
        "true yes y 1 1.0 success succeeded successful successfully succeed won win passed pass "
        "solved resolved correct victory achieved accomplished c positive pos"
    )
)
NO = frozenset(
    words(
        "false no n i 0 0.0 fail failed failure fails lost unsuccessful unsolved incorrect wrong "
        "not_solved not_successful timeout loss lose loses defeat defeated unresolved incomplete "
        "unfinished aborted negative neg"
    )
)
UNKNOWN = frozenset(("", "n/a", "na", "nan", "none", "null", "unknown", "-", "?"))
PLAIN = frozenset(
    words(
        "task goal episode game agent you is was has have been the completed finished status result"
    )
)
"""Words beside that of a success that change nothing: `partial` does."""

NOT = frozenset(("not", "no", "never"))
FEW_WORDS = 6
