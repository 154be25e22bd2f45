/** Kinds of things that verbs, adjectives and prepositions choose between. */
export type NounClass =
  | 'person' | 'animal' | 'tool' | 'container' | 'furniture' | 'treasure' | 'device' | 'vehicle' | 'building' | 'place' | 'part'
  | 'food' | 'drink' | 'plant' | 'garment' | 'document' | 'work' | 'instrument' | 'material' | 'nature' | 'institution'
  | 'event' | 'notion' | 'measure' | 'body' | 'aspect';

/**
 * Count nouns by class, the most frequent first (a word's place in its list is its Zipf rank); `child:children` gives an irregular plural.
 * Left out on purpose: nouns whose plural equals the singular (sheep, series), which would make agreement undecidable.
 */
export const countNouns: Readonly<Record<Exclude<NounClass, 'drink' | 'material'>, string>> = {
  person: `man:men woman:women child:children friend teacher farmer doctor boy girl neighbour worker student brother sister
    mother father son daughter captain driver king queen guard soldier sailor nurse visitor guest stranger baker cook judge
    lawyer clerk officer engineer minister manager director writer painter singer servant merchant traveller hunter shepherd
    miller tailor carpenter fisherman:fishermen gardener scientist researcher reporter critic editor actor musician poet dancer
    player passenger customer resident voter official member expert leader inspector witness:witnesses thief:thieves priest monk
    knight prince princess wizard witch giant uncle aunt grandmother grandfather patient pupil professor pilot mechanic butcher
    shopkeeper librarian builder owner delegate detective prisoner widow blacksmith miner reader fan tourist candidate coach`,
  animal: `dog cat horse bird cow fox:foxes wolf:wolves bear mouse:mice hen pig goat rabbit owl crow goose:geese duck lamb
    eagle snake frog bee spider swan pigeon whale seal turtle hound monkey lion elephant hawk butterfly`,
  tool: `key lantern rope lamp hammer knife:knives axe needle candle broom ladder shovel bucket saw brush net chain pen wheel
    umbrella stick`,
  container: 'box bag basket bottle cup bowl jar sack barrel chest pot trunk purse drawer package',
  furniture: 'table chair bed cabinet shelf:shelves bench desk cupboard mirror carpet curtain pillow blanket',
  treasure: 'ring coin sword crown jewel necklace pearl shell mask flag statue toy',
  device: 'machine clock engine radio camera phone computer pump telescope compass:compasses battery sensor',
  vehicle: 'boat ship cart train bus car truck bicycle wagon van plane tractor ambulance',
  building: `house school church castle tower station hospital library shop hotel factory mill inn barn cottage palace theatre
    museum restaurant office prison court temple workshop stable laboratory hall cafe cathedral lighthouse`,
  place: `village town city forest river road hill field market bridge harbour garden street island mountain lake valley
    square coast beach farm park path meadow border orchard canal stream cliff district region province`,
  part: 'door window wall roof gate room floor kitchen corner cellar chimney corridor ceiling fence staircase courtyard',
  food: `apple cake pie egg loaf:loaves potato:potatoes pear onion carrot sausage biscuit soup plum cherry orange nut
    tomato:tomatoes cheese meal dinner breakfast supper`,
  plant: 'tree flower rose oak bush:bushes leaf:leaves branch root seed vine tulip birch hedge',
  garment: 'coat hat shoe boot glove scarf:scarves shirt dress:dresses cloak belt sock ribbon sweater',
  document: `book letter report map story note newspaper list page law contract document message diary poem article study
    survey bill recipe picture photograph budget proposal notice sign`,
  work: 'film novel play concert song album show drama comedy opera ballet performance documentary lecture exhibition game',
  instrument: 'violin piano flute drum guitar harp fiddle organ bell',
  nature: 'storm wind wave cloud star fire flood shadow stone rock flame frost',
  institution: `council committee company government ministry board party union bank agency university club team department
    army parliament`,
  event: `meeting election festival wedding war strike trial accident journey feast race match vote debate ceremony conference
    protest holiday funeral harvest hearing experiment voyage`,
  notion: `idea problem question answer reason secret promise dream rule lesson mistake decision change chance theory effort
    project programme reform agreement dispute warning danger wish doubt offer policy`,
  measure: `price cost tax rate number income profit loss share demand level wage rent temperature population output sale
    value speed score`,
  body: 'hand eye head arm leg foot:feet face shoulder finger heart voice',
  aspect: 'plot ending cast script scene joke character dialogue rhythm melody costume menu waiter setting soundtrack view',
};

/** Mass nouns: always singular, never with `a`. */
export const massNouns = {
  drink: 'water milk wine tea coffee honey bread butter salt sugar meat fruit',
  material: 'wood gold silver iron wool cotton leather coal oil steel copper paper',
  weather: 'rain snow fog thunder ice dust smoke darkness sunlight silence heat cold',
} as const;

/** Nouns of people whose gender is part of the word, for pronouns. */
export const genderedNouns = {
  female: 'woman girl sister mother daughter queen princess witch aunt grandmother widow',
  male: 'man boy brother father son king prince wizard uncle grandfather monk knight fisherman priest',
} as const;
