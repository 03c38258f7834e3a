#!/usr/bin/env bash
# Makes the preference data of `./dpo4j quickstart` with the product's own commands: openings of stories, several sampled
# completions of each by the embedded stories15M, and of each opening the happiest against the least happy one by the VADER
# lexicon. The held-out openings share neither hero nor situation with those trained on. One thread, so that the numbers do not depend on the cores.
# usage: quickstart/make-data.sh (from anywhere)
set -euo pipefail
cd "$(dirname "$0")/.."

openings() { # heroes situations: every hero in every situation, as JSON lines
    local hero situation
    while IFS= read -r hero; do
        while IFS= read -r situation; do
            printf '{"prompt":"%s"}\n' "${situation//HERO/$hero}"
        done <<< "$2"
    done <<< "$1"
}

openings "a little girl named Lily
a boy named Tim
a small dog named Max
a cat named Mia
an old man
a young bird
a little rabbit named Bunny
a big bear
a girl named Sara
a boy named Ben
a tiny mouse
a clever fox
a farmer
a little duck named Daisy
a boy named Tom and his sister Anna
a turtle named Tilly
a shy squirrel
a king
a mother and her son
a green frog" "One day, HERO went to the
Once upon a time, HERO found
One morning, HERO wanted to
One night, HERO heard
It was raining, and HERO
There was once HERO who lost
One day, HERO met
HERO, said the story, had a secret. One day
Long ago, HERO lived near
After lunch, HERO saw
One day, HERO tried to
In winter, HERO looked for
HERO and a friend were
Every day, HERO walked to
When the wind blew, HERO" | sed -E 's/"prompt":"a/"prompt":"A/' > quickstart/openings-train.jsonl

openings "a girl named Emma
a boy named Jack
a little pig
a monkey named Momo
a wise owl
a fisherman
a kitten named Snow
a brave ant" "Early in the morning, HERO opened
One summer, HERO built
On the way home, HERO stopped
A long time ago, HERO had
At the lake, HERO dropped
One evening, HERO cooked
Before bed, HERO asked
On a hill, HERO waited for" > quickstart/openings-heldout.jsonl

for part in train heldout; do
    seed=1
    if [ "$part" = heldout ]; then seed=2; fi
    ./dpo4j sample --model models/stories15M --prompts "quickstart/openings-$part.jsonl" --lexicon quickstart/vader-lexicon.tsv \
        --num-return-sequences 6 --max-new-tokens 56 --whole-sentences --min-gap 0.6 --seed "$seed" --dtype float32 \
        --batch-size 60 --threads 1 --output "quickstart/$part.jsonl"
done
wc -l quickstart/*.jsonl
