"""The plots: each a list of beats, each beat the ways to say it ("" leaves it out).

{hero} is a slot that grammar.py fills; {He} begins with a capital. {+colour} is filled in the
same way, and says that the story so far determines the word: what a model that pays attention
can know. fhe, fhis, fhim are the pronouns of the friend.
"""

OPENING = [
    "Once there was a {trait} {kind} called {hero}, who lived {home}.",
    "A {trait} {kind} named {hero} lived {home}.",
    "{Home} lived a {trait} {kind}. {His} name was {hero}.",
    "There was once a {trait} {kind} named {hero}. {He} lived {home}.",
]

MEETING = [
    "On the way {he} met {friend} the {fkind}.",
    "Then {friend} the {fkind} came by.",
    "Soon {he} met a {ftrait} {fkind} called {friend}.",
]

PARTING = [
    "From that day on {hero} and {+friend} were good friends.",
    "And when the moon came up, {hero} the {+kind} and {+friend} the {+fkind} went home.",
    "\"You are a good friend, {+friend},\" said {hero}. \"So are you, {+hero},\" said {friend}.",
    "That night {hero} slept well {+home}.",
    "",
]

LOST = [OPENING,
    ["{He} had a {colour} {thing}, and {he} loved it very much.",
     "Of all that {he} had, {he} loved {his} {colour} {thing} the most.",
     "{His} best thing was a {colour} {thing}."],
    ["One {day} {time} the {+thing} was gone.", "But one {day} {time} {he} could not find it.",
     "Then one {time} the wind took the {+thing} away."],
    ["{He} looked {spot2}, but it was not there.", "{Hero} looked {spot2} and {spot3}. It was not there.",
     "{Hero} was very sad."],
    MEETING,
    ["\"Have you seen my {+thing}?\" asked {hero}.", "\"I lost my {+thing},\" said {hero}. \"Have you seen it?\""],
    ["\"What colour is it?\" asked {friend}. \"It is {+colour},\" said {hero}.",
     "\"Is it {+colour}?\" asked {friend}. \"Yes, it is,\" said {hero}.",
     "\"What colour is your {+thing}?\" asked {friend}. \"My {+thing} is {+colour},\" said {hero}."],
    ["\"I saw a {+colour} {+thing} {spot},\" said {friend}.",
     "\"Then I know where it is,\" said {friend}. \"Look {spot}.\""],
    ["{Hero} {gait} as fast as {he} could, and there it was, {+spot}.",
     "They {gait} there together. The {+thing} was {+spot}.",
     "They looked {+spot}, and there was the {+colour} {+thing}."],
    ["\"Thank you, {+friend},\" said {hero}, and {he} {joy}.", "{Hero} was so happy that {he} {joy}."],
    PARTING]

HIDDEN = [OPENING,
    ["One {day} {time} {he} found a {colour} {thing}.", "{He} had a {colour} {thing} that nobody knew about."],
    ["{He} hid the {+thing} {spot}.", "\"I will hide it {spot},\" {he} said, and so {he} did."],
    MEETING,
    ["\"I have hidden a {+thing},\" said {hero}. \"Can you find it?\"",
     "\"Let us play,\" said {hero}. \"Find my {+thing}.\""],
    ["{Friend} looked {spot2}. \"No,\" said {hero}, \"it is not {+spot2}.\"",
     "First {friend} looked {spot2}, but nothing was there."],
    ["{Friend} looked {spot3}. \"No,\" said {hero}, \"it is not {+spot3}.\"",
     "Then {fhe} looked {spot3}, but nothing was there.", ""],
    ["At last {friend} looked {+spot}. There was the {+colour} {+thing}.",
     "\"Where is it?\" asked {friend}. \"It is {+spot},\" said {hero}.",
     "In the end {fhe} looked {+spot}, and {fhe} found the {+colour} {+thing}."],
    ["\"Well done, {+friend},\" said {hero}.", "{Friend} {joy}.", "\"Now it is my turn to hide it,\" said {friend}."],
    PARTING]

SHARED = [OPENING,
    ["One {day} {time} {he} had {n} {food} in a basket.", "One {time} {he} found {n} {food}."],
    MEETING,
    ["\"I am so hungry,\" said {friend}.", "{Friend} had not eaten all day."],
    ["\"What do you have?\" asked {friend}. \"I have {+n} {+food},\" said {hero}.",
     "\"How many {+food} do you have?\" asked {friend}. \"I have {+n},\" said {hero}."],
    ["{Hero} gave {k} of them to {+friend}.", "\"Here, take {k},\" said {hero}."],
    ["Now {hero} had {+rest} {+food}, and {friend} had {+k}.", "Then {hero} had {+rest} left.",
     "\"Now I have {+rest} and you have {+k},\" said {hero}."],
    ["They sat {spot} and ate.", "They ate the {+food} together {spot}.", "{Friend} {joy}."],
    ["\"The {+food} were very good,\" said {friend}.",
     "The next day {friend} came back with some {food2} for {+hero}.", ""],
    PARTING]

NOISE = [OPENING,
    ["One night {he} could not sleep. There was a noise: {sound}.",
     "It was dark, and {hero} heard a noise. It went {sound}."],
    ["\"Who is there?\" asked {hero}, but nobody said a word.", "{Hero} was afraid and hid under the bed."],
    ["The noise came again: {+sound}.", "{+Sound}, it went again."],
    ["{Hero} took {his} {colour} lamp and {gait} outside.", "At last {he} was brave. {He} took a {colour} lamp and looked {spot}."],
    ["There was {friend} the {fkind} with {tool}.", "By the light of the {+colour} lamp {he} saw {friend} the {fkind}, who had {tool}."],
    ["\"It is only me,\" said {friend}. \"Did you hear my {+toolname}?\"",
     "\"Why do you make such a noise?\" asked {hero}. \"It is my new {+toolname},\" said {friend}."],
    ["Then {hero} was not afraid any more, and {he} {joy}.", "\"I was afraid of a {+toolname},\" said {hero}, and they both laughed."],
    PARTING]

STUCK = [OPENING,
    ["One {day} {time} {he} heard a cry. \"Help, help!\"", "One {time} somebody called for help."],
    ["It was {friend} the {fkind}, who was {trap}.", "{Friend} the {fkind} was {trap} and could not get away."],
    ["\"Where are you?\" asked {hero}. \"I am {+trap},\" said {friend}.", "\"Do not be afraid, {+friend},\" said {hero}.", ""],
    ["\"We need {aid},\" said {hero}. {He} {gait} home to get it.", "{Hero} {gait} home, because there {he} had {aid}."],
    ["Soon {he} came back with {+aid}.", "\"Here is {+aid},\" {he} said."],
    ["A little later {friend} was safe.", "{Friend} held on, and {hero} helped {+fhim}."],
    ["\"How can I thank you?\" asked {friend}. \"You can give me {n} {food},\" said {hero}. So {friend} gave {+him} {+n} {+food}.",
     "\"Thank you, {+hero},\" said {friend}. \"You are a brave {+kind}.\"",
     "{Friend} gave {hero} a {colour} {thing}. {Hero} liked the {+colour} {+thing} very much."],
    PARTING]

BUILT = [OPENING,
    ["{He} wanted to build a {work}.", "\"I will build a {work},\" {he} said one {day} {time}."],
    ["But {he} did not have {part}.", "For that {he} needed {part}."],
    MEETING,
    ["\"Do you have {+part}?\" asked {hero}. \"Yes,\" said {friend}, \"but what will you give me?\"",
     "\"What do you need?\" asked {friend}. \"I need {+part},\" said {hero}."],
    ["\"I will give you {n} {food},\" said {hero}.", "\"You can have {+part} for {n} {food},\" said {friend}."],
    ["So {hero} gave {+friend} {+n} {+food}, and {friend} gave {+him} {+part}.",
     "{Hero} {gait} home and came back with {+n} {+food}."],
    ["They built the {+work} together.", "In the evening the {+work} was ready.", "{Hero} worked all day on the {+work}."],
    ["It was {colour}, and it stood {spot}. \"I like your {+colour} {+work},\" said {friend}.",
     "\"This is the best {+work} of all,\" said {friend}.", "{Friend} {joy} when {fhe} saw the {+work}."],
    PARTING]

GIFT = [OPENING,
    ["{His} friend was {friend} the {fkind}, who loved {colour} things.",
     "{He} had a friend, {friend} the {fkind}. The colour that {friend} liked best was {colour}."],
    ["One {day} {time} it was the birthday of {+friend}.", "\"It is my birthday,\" said {friend} one {day} {time}."],
    ["{Hero} went to the market. There was a {colour2} {thing} and a {+colour} {+thing}.",
     "At the market {hero} saw two {things}: one was {colour2} and one was {+colour}."],
    ["\"Which one do you want?\" asked the old goose. \"The {+colour} one,\" said {hero}.",
     "\"The {+colour} one is right for {+friend},\" thought {hero}."],
    ["{He} paid {n} {food} for it.", "It cost {n} {food}.", ""],
    ["When {friend} saw the {+colour} {+thing}, {fhe} {joy}.",
     "\"A {+colour} {+thing}!\" said {friend}. \"How did you know?\" \"You love {+colour} things,\" said {hero}."],
    PARTING]

RIDDLE = [OPENING,
    ["{He} liked to ask riddles.", "Nobody knew more riddles than {hero}."],
    ["One {day} {time} {he} met {friend} the {fkind}.", "One {time} {friend} the {fkind} came to see {+him}."],
    ["\"What {riddle}?\" asked {hero}.", "\"Tell me, {+friend},\" said {hero}, \"what {riddle}?\""],
    ["{Friend} thought for a long time. \"It is {+answer},\" {fhe} said.",
     "\"I know that,\" said {friend}. \"It is {+answer}.\"",
     "\"I do not know,\" said {friend}. \"It is {+answer},\" said {hero}."],
    ["\"Now it is my turn,\" said {friend}. \"What {riddle2}?\"", "\"And what {riddle2}?\" asked {friend}."],
    ["\"That must be {+answer2},\" said {hero}.", "\"Is it {+answer2}?\" asked {hero}. \"Yes, it is,\" said {friend}."],
    ["They asked riddles until it was dark.", "For that {friend} gave {hero} a {colour} {thing}. It was a fine {+thing}.",
     "\"You are a clever {+kind},\" said {friend}."],
    PARTING]

RACE = [OPENING,
    ["\"I am faster than you,\" said {friend} the {fkind} one {day} {time}.",
     "One {day} {time} {friend} the {fkind} wanted to have a race."],
    ["\"Let us run to the {goal},\" said {hero}.", "\"Who will be first at the {goal}?\" asked {hero}."],
    ["{Friend} ran off as fast as {fhe} could.", "They both began to run.", "At first {friend} was far ahead."],
    ["But then {friend} {stop}.", "On the way {friend} {stop}."],
    ["{Hero} did not stop. {He} was the first at the {+goal}.", "{Hero} went on and on until {he} came to the {+goal}."],
    ["\"Who was first?\" asked the old goose. \"It was {+hero},\" said {friend}.",
     "\"You won, {+hero},\" said {friend}, when {fhe} came to the {+goal}."],
    ["The prize was a {colour} {thing}. {Hero} took the {+colour} {+thing} home.",
     "{Hero} got {n} {food}. \"Take some of my {+food},\" {he} said to {+friend}.", "{Hero} {joy}."],
    PARTING]

LETTER = [OPENING,
    ["One {day} {time} {he} wrote a letter to {friend} the {fkind}.",
     "{He} wanted to see {friend} the {fkind} again, so {he} wrote a letter."],
    ["\"Please come to me {when},\" it said. \"We will meet {spot}.\"",
     "\"Dear {+friend}, I will wait for you {spot} {when}. Your {+hero}.\""],
    ["\"Bring your {colour} {thing},\" {he} wrote below.", "{He} wrote it on {colour} paper.", ""],
    ["The old goose took the letter to {+friend}.", "{Friend} read the letter and was glad."],
    ["\"When will you go?\" asked the old goose. \"I will go {+when},\" said {friend}.", "So {friend} {gait} to {+hero} {+when}."],
    ["\"Where will you meet?\" asked the old goose. \"We will meet {+spot},\" said {friend}.", "{Hero} was already there, {+spot}."],
    ["{Friend} had brought {n} {food}. They ate the {+food} and talked until it was dark.", "They played all day, and {friend} {joy}."],
    PARTING]

GARDEN = [OPENING,
    ["One {day} {time} {he} planted {n} seeds {spot}.", "In spring {hero} had {n} seeds. {He} put them in the ground {spot}."],
    ["\"How many seeds did you plant?\" asked {friend} the {fkind}. \"I planted {+n},\" said {hero}.",
     "{Friend} the {fkind} came by. \"What are you doing {+spot}?\" {fhe} asked. \"I wait for my flowers,\" said {hero}."],
    ["Every day {hero} gave them water.", "Then it rained for {k} days.", "{Hero} waited for {k} days."],
    ["One morning there were {+n} flowers {+spot}. All of them were {colour}.",
     "At last the flowers came. They were {colour}, and there were {+n} of them."],
    ["\"May I have one?\" asked {friend}. So {hero} gave {+fhim} a {+colour} flower.",
     "\"What colour are they?\" asked {friend}. \"They are {+colour},\" said {hero}.",
     "\"I never saw such {+colour} flowers,\" said {friend}."],
    PARTING]

SOUP = [OPENING,
    ["One {day} {time} {he} made a soup of {food} and {food2}.", "{He} had some {food} and some {food2}. \"I will make a soup,\" {he} said."],
    ["{He} put it in a big {colour} pot.", "The pot was big and {colour}."],
    ["{Friend} the {fkind} came to the door. \"What smells so good?\" {fhe} asked.",
     "Soon {friend} the {fkind} was at the door. \"May I eat with you?\" {fhe} asked."],
    ["\"It is a soup of {+food} and {+food2},\" said {hero}.", "\"What is in the {+colour} pot?\" asked {friend}. \"A soup of {+food} and {+food2},\" said {hero}."],
    ["\"I like {+food}, but I do not like {+food2},\" said {friend}. But {fhe} ate it all.",
     "\"I love {+food2},\" said {friend}, and {fhe} {joy}.", "{Friend} ate {n} cups of it. \"How many did you eat?\" asked {hero}. \"I ate {+n},\" said {friend}."],
    ["Then the {+colour} pot was empty.", "\"Next time I will bring some {+food},\" said {friend}."],
    PARTING]

RAIN = [OPENING,
    ["One day it began to rain. {Hero} had a big {colour} umbrella.", "When it rained, {he} took {his} {colour} umbrella and {gait} out."],
    ["{Friend} the {fkind} stood {spot} and was wet.", "{Spot} stood {friend} the {fkind}, who was cold and wet."],
    ["\"Why do you stand {+spot}?\" asked {hero}. \"I have no umbrella,\" said {friend}.", "\"Are you cold, {+friend}?\" asked {hero}. \"Yes,\" said {friend}, \"I am.\""],
    ["\"Come under my {+colour} umbrella,\" said {hero}.", "\"My umbrella is big,\" said {hero}. \"Come here.\""],
    ["They {gait} home together under the {+colour} umbrella.", "So they stood together until the rain was over."],
    ["\"I will give you my {thing} for that,\" said {friend}. \"Keep your {+thing},\" said {hero}.",
     "At home they had tea and {n} {food}. {Friend} ate most of the {+food}.", "The next day the sun came out, and {friend} {joy}."],
    PARTING]

WAY = [OPENING,
    ["{He} wanted to go to the {goal}, but {he} did not know the way.", "\"Today I will go to the {goal},\" {he} said one {day} {time}."],
    MEETING,
    ["\"How do I get to the {+goal}?\" asked {hero}.", "\"Do you know the way to the {+goal}?\" asked {hero}."],
    ["\"First you come to the {goal2}, then to the {goal3},\" said {friend}.", "\"Go to the {goal2}, and from there to the {goal3},\" said {friend}."],
    ["So {hero} {gait} to the {+goal2}.", "{Hero} {gait} on, and soon {he} was at the {+goal2}."],
    ["From there {he} {gait} to the {+goal3}.", "\"And now to the {+goal3},\" {he} said."],
    ["At last {he} came to the {+goal}.", "There {he} could see the {+goal}."],
    ["There {he} found a {colour} {thing}. {He} gave the {+colour} {+thing} to {+friend}.", "{He} was tired, but {he} {joy}.",
     "{Friend} was there already. \"I know a short way,\" {fhe} said."],
    PARTING]

PLOTS = {"lost": LOST, "hidden": HIDDEN, "shared": SHARED, "noise": NOISE, "stuck": STUCK,
         "built": BUILT, "gift": GIFT, "riddle": RIDDLE, "race": RACE, "letter": LETTER, "garden": GARDEN,
         "soup": SOUP, "rain": RAIN, "way": WAY}
