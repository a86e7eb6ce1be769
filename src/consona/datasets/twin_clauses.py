"""Clauses from which the text twins are put together; written for consona."""

SUBJECTS = (
    "the film",
    "the second act",
    "her new novel",
    "the lead actor",
    "this little comedy",
    "the director",
    "the whole evening",
    "the dialogue",
    "their third album",
    "the ending",
    "the camera work",
    "the restaurant scene",
    "the young cast",
    "the story",
    "this remake",
    "the soundtrack",
    "the opening hour",
    "the documentary",
    "the script",
    "the final concert",
)

PRAISE = (
    "is a delight from start to finish",
    "won me over within minutes",
    "is warm, witty and beautifully made",
    "left the audience glowing",
    "is a small masterpiece",
    "sparkles with charm and good humour",
    "is wonderful in every respect",
    "gave me more pleasure than anything this year",
    "is full of grace and tenderness",
    "deserves every prize it gets",
    "is moving, honest and a joy to watch",
    "made me laugh until I cried happy tears",
    "is brilliant and deeply satisfying",
    "lifted my spirits for days",
    "is lovely, clever and superbly paced",
    "could hardly be better",
)

BLAME = (
    "is a misery from start to finish",
    "lost me within minutes",
    "is cold, stupid and badly made",
    "left the audience groaning",
    "is a complete disaster",
    "drowns in clichés and bad taste",
    "is awful in every respect",
    "annoyed me more than anything this year",
    "is full of spite and boredom",
    "deserves every bad review it gets",
    "is dull, dishonest and a pain to watch",
    "made me wish I had stayed at home",
    "is dreadful and deeply disappointing",
    "spoiled my mood for days",
    "is ugly, clumsy and hopelessly slow",
    "could hardly be worse",
)

TAILS = (
    "",
    ", and I say so after two viewings",
    ", as everyone in our row agreed",
    ", at least to my mind",
    ", from the first minute to the last",
    ", whatever the poster promises",
    ", and my sister thinks the same",
    ", even on a small screen",
    ", which I had not expected",
    ", and that is putting it mildly",
)

GRADES = {
    -2: (
        "The flood destroyed the school and killed eleven children.",
        "He died alone and in terrible pain.",
        "They tortured the prisoners for weeks.",
        "She lost her whole family in the bombing.",
    ),
    -1: (
        "The bus was late again and the rain came through my coat.",
        "He felt tired and a little lonely that week.",
        "The shop refused to exchange the broken kettle.",
        "We waited an hour and got a rude answer.",
    ),
    0: (
        "The office is on the second floor next to the lift.",
        "Copies of the form are kept in the blue folder.",
        "The train stops at six stations before the border.",
        "The report has four chapters and an index.",
    ),
    1: (
        "The soup was good and the waiter friendly.",
        "She was pleased with her new bicycle.",
        "We had a quiet, pleasant walk along the river.",
        "The children liked the little garden.",
    ),
    2: (
        "They embraced, overjoyed to be together again at last.",
        "It was the happiest day of our whole lives.",
        "She won the scholarship and danced through the house with delight.",
        "The baby is healthy and everyone is full of love and joy.",
    ),
}
"""Sentences from very unpleasant (-2) to very pleasant (+2)."""

FRAMES = (
    "{}",
    "The letter says: {}",
    "From the diary: {}",
    "A neighbour wrote: {}",
    "Page nine: {}",
    "He told the reporter: {}",
    "In the next paragraph we read: {}",
    "My aunt remembers: {}",
    "The note ends so: {}",
    "An old message: {}",
)

COMMENTS = {
    "admiration": ("you are incredibly talented", "what a brilliant piece of work", "I am in awe of her skill"),
    "amusement": ("this had me laughing out loud", "that joke is hilarious", "I cannot stop giggling at this"),
    "anger": ("I am absolutely furious about this", "this makes my blood boil", "I hate these lying crooks"),
    "annoyance": ("this is really getting on my nerves", "stop doing that, it is irritating", "so tiresome, again"),
    "approval": ("good call, I fully support this", "yes, that is exactly right", "I agree, well decided"),
    "caring": ("please take good care of yourself", "I am here for you, my friend", "we will look after you"),
    "confusion": ("I do not get what this means", "wait, what is going on here", "this makes no sense to me"),
    "curiosity": ("I wonder how they did that", "can anyone tell me more about it", "what happened next"),
    "desire": ("I so want one of these", "I wish I could go there one day", "I would love to have that"),
    "disappointment": ("I expected so much more, what a letdown", "sadly it fell short", "I feel let down by them"),
    "disapproval": ("no, that is wrong and should not be allowed", "I do not accept this", "bad idea, I am against it"),
    "disgust": ("that is revolting, I feel sick", "gross, the smell was vile", "how repulsive"),
    "embarrassment": ("I am so ashamed of what I said", "I blush whenever I think of it", "how awkward for me"),
    "excitement": ("I cannot wait, this is so thrilling", "wow, here we go, so excited", "I am buzzing with energy"),
    "fear": ("this is terrifying, I am so scared", "I am afraid to go outside", "it frightens me to death"),
    "gratitude": ("thank you so much for your help", "I really appreciate this, thanks", "many thanks, kind stranger"),
    "grief": ("my father died and I miss him terribly", "rest in peace, old friend", "we buried her today"),
    "joy": ("I am so happy today", "this fills me with joy", "what a wonderful, cheerful day"),
    "love": ("I love you all so much", "she is the love of my life", "I adore this little dog"),
    "nervousness": ("I am so nervous about tomorrow", "my hands shake before every exam", "I feel uneasy about it"),
    "optimism": ("I am sure it will turn out well", "things are looking up", "I hope for a bright future"),
    "pride": ("I am so proud of our team", "we did it ourselves and it shows", "proud of you, son"),
    "realization": ("so that is what it was all along", "I just noticed it is the same man", "now I see it"),
    "relief": ("what a relief, it is over", "thank goodness, the test was clean", "I can breathe again"),
    "remorse": ("I am sorry, I should never have done it", "I regret what I did", "forgive me, it was my fault"),
    "sadness": ("I feel so sad and empty", "this made me cry all night", "such a heartbreaking loss"),
    "surprise": ("I did not see that coming", "really, since when", "that is unexpected"),
    "neutral": ("the game starts at eight", "it is in the second drawer", "they moved the office to Leeds"),
}
"""Three comments for each label of GoEmotions."""

OPENINGS = (
    "",
    "Well, ",
    "Honestly, ",
    "Look, ",
    "Ok so, ",
    "To be fair, ",
    "Hm, ",
    "Alright, ",
    "As I said, ",
    "Today: ",
)

ENDINGS = (".", " here.", ", folks.", " [NAME].", ", as I told [NAME].", " by the way.", ", again.", " and that is it.")
