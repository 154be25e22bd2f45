/** Groups of adjectives; a noun class takes some groups (see `adjectiveGroups`). */
export const adjectives = {
  size: 'small big long little large short tall wide narrow heavy deep huge thick thin tiny broad',
  age: 'old new ancient modern',
  years: 'old young',
  colour: 'red white black green blue grey brown yellow golden pink purple silver dark bright',
  state: 'broken empty full open clean dirty wet dry dusty hidden locked wooden plain rusty smooth sharp round painted solid',
  shelter: 'quiet distant ruined famous abandoned busy lonely peaceful remote narrow noisy',
  trait: `kind brave clever wise poor rich proud honest shy cruel gentle foolish lazy patient stubborn loyal greedy polite curious
    cheerful rude strict careful generous`,
  feeling: 'happy tired sad angry hungry afraid nervous thirsty calm anxious ill lonely sleepy pleased worried ashamed grateful jealous',
  wild: 'wild tame hungry fierce quick slow fat',
  taste: 'fresh sweet hot cold ripe delicious warm salty bitter',
  official: `new national local public annual final official recent private special regional joint important early late industrial foreign
    economic social legal political secret`,
  extent: 'average total high low steady sharp record monthly weekly',
  weather: 'cold strong warm sudden bitter mild violent heavy icy',
  notion: 'strange simple difficult serious important great real common terrible curious old new clear careful possible dangerous useful',
  work: 'new old long short famous early late modern recent popular latest debut',
} as const;

export type AdjectiveGroup = keyof typeof adjectives;

/** Adjectives of judgement. No sentence of the sentiment task is decided by one of them alone. */
export const polarAdjectives = {
  positive: `good great brilliant charming wonderful delightful superb moving clever elegant honest fresh memorable gripping
    graceful splendid lovely excellent impressive convincing witty tender thrilling satisfying pleasant beautiful remarkable
    admirable rewarding enjoyable lively magnificent perfect touching intelligent subtle powerful fascinating`,
  negative: `bad dull terrible boring awful weak clumsy tedious dreadful poor shallow stale bland silly lazy ugly horrible
    predictable pointless forgettable tiresome messy flat hollow disappointing annoying painful pretentious stupid miserable
    ridiculous lifeless dreary mediocre unbearable crude hopeless`,
} as const;

/** Nouns of judgement: things that a work is (`isA`), has (`has`, without article). */
export const polarNouns = {
  isAPositive: 'triumph masterpiece success delight joy gem treasure marvel wonder pleasure',
  isANegative: 'mess disaster failure waste disgrace flop mistake insult disappointment',
  hasPositive: 'charm wit grace warmth energy depth imagination humour beauty intelligence skill originality courage',
  hasNegative: 'nonsense noise vanity confusion boredom clumsiness laziness stupidity cruelty',
} as const;

/** Adverbs by the place they take. */
export const adverbs = {
  manner: `slowly quickly quietly carefully suddenly gently loudly happily sadly angrily silently patiently eagerly bravely
    politely calmly gladly secretly`,
  frequency: 'often always sometimes usually rarely seldom still also soon once already just',
  degree: 'very quite rather truly really deeply remarkably surprisingly thoroughly utterly completely fairly',
  change: 'sharply slightly steadily rapidly gradually slowly suddenly',
  sentence: 'fortunately unfortunately apparently meanwhile later finally instead however therefore nevertheless',
} as const;
