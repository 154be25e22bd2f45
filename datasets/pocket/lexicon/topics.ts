/** A text's subject: the nouns that it prefers. A document keeps one topic from its first sentence to its last. */
export interface TopicList {
  readonly id: string;
  readonly family: 'tales' | 'reports';
  /** Nouns of the lexicon, any class. */
  readonly nouns: string;
}

/** Topics of the two text families. The families share the lexicon but no topic. */
export const topicLists: readonly TopicList[] = [
  { id: 'voyage', family: 'tales', nouns: `
      sailor captain merchant passenger fisherman stranger ship boat whale seal turtle lantern rope net chain compass telescope barrel
      chest trunk map letter island harbour coast beach lighthouse storm wave wind star voyage journey shell pearl flag coat boot` },
  { id: 'forest', family: 'tales', nouns: `
      hunter witch giant girl boy stranger wolf bear fox owl snake axe knife lantern basket sack forest path stream river cottage tree
      oak branch leaf root nut shadow fire frost secret danger cloak boot stone` },
  { id: 'castle', family: 'tales', nouns: `
      king queen prince princess knight guard servant wizard monk prisoner horse eagle hound sword crown ring jewel key candle mirror
      chest castle tower palace temple prison gate wall hall cellar staircase courtyard feast war wedding promise secret letter cloak` },
  { id: 'farm', family: 'tales', nouns: `
      farmer shepherd neighbour son daughter grandfather child horse cow pig goat hen goose lamb hound bucket shovel ladder sack jar
      barn stable cottage field meadow orchard valley stream gate fence egg apple potato carrot cheese tree hedge harvest storm frost
      wagon cart` },
  { id: 'market', family: 'tales', nouns: `
      baker butcher tailor merchant shopkeeper customer thief mother girl dog pigeon mouse basket bag coin purse jar box cart wagon shop
      market street square corner loaf cake pie sausage cheese pear plum orange ribbon hat scarf shoe bill price` },
  { id: 'inn', family: 'tales', nouns: `
      guest traveller cook stranger widow merchant driver cat mouse bottle cup bowl candle lamp key trunk table chair bench bed blanket
      inn kitchen cellar room door window corridor supper breakfast soup journey story secret bill song fiddle coat boot` },
  { id: 'mountain', family: 'tales', nouns: `
      hunter monk traveller shepherd miner brother stranger goat eagle bear wolf rope axe lantern stick compass map mountain valley path
      bridge cliff lake storm rock frost cloud glove boot scarf journey danger` },
  { id: 'garden', family: 'tales', nouns: `
      gardener grandmother aunt neighbour child widow cat bird bee butterfly frog rabbit swan bucket ladder broom pot basket garden park
      courtyard wall gate fence bench flower rose tulip vine hedge seed root hat glove dress` },
  { id: 'workshop', family: 'tales', nouns: `
      carpenter blacksmith miller tailor customer cat hammer saw axe needle wheel chain brush pot bowl chair table toy clock machine
      workshop mill door shelf window mistake promise secret coat belt` },
  { id: 'stage', family: 'tales', nouns: `
      singer actor dancer musician poet director painter guest friend sister monkey violin piano flute drum guitar mask mirror curtain
      candle statue theatre hall cafe hotel song play concert poem letter picture dress costume joke dream` },
  { id: 'school', family: 'tales', nouns: `
      teacher pupil student boy girl professor librarian friend brother mother dog rabbit pen bag desk bench chair clock school library
      room corridor window garden book page story picture poem map lesson question answer rule mistake joke holiday race match` },
  { id: 'village', family: 'tales', nouns: `
      priest nurse doctor neighbour father uncle aunt child horse dog goose crow bell clock broom bucket lamp church cottage bridge
      village road square hill wedding funeral feast festival holiday flood storm promise wish story fiddle shoe` },

  { id: 'council', family: 'reports', nouns: `
      resident official clerk voter council committee party proposal budget park street square bridge library school district meeting
      debate vote hearing tax cost project programme policy dispute` },
  { id: 'election', family: 'reports', nouns: `
      candidate minister voter delegate reporter leader party parliament government union newspaper law election debate vote conference
      protest reform promise policy agreement dispute share rate region province district` },
  { id: 'railway', family: 'reports', nouns: `
      driver passenger engineer inspector mechanic company ministry union train bus engine sensor battery station bridge border strike
      accident journey speed cost project` },
  { id: 'medicine', family: 'reports', nouns: `
      doctor nurse patient researcher scientist expert hospital laboratory ambulance university agency sensor pump study survey article
      trial experiment conference theory rate level cost` },
  { id: 'harvest', family: 'reports', nouns: `
      farmer owner worker ministry tractor plane field orchard farm region apple potato nut egg frost flood storm harvest price output
      demand loss` },
  { id: 'court', family: 'reports', nouns: `
      judge lawyer witness detective guard prisoner officer bank company agency contract document letter phone court prison office trial
      hearing decision loss` },
  { id: 'industry', family: 'reports', nouns: `
      worker manager owner director engineer company union board factory machine truck contract budget strike meeting agreement offer
      profit income sale output wage share demand` },
  { id: 'weather', family: 'reports', nouns: `
      resident officer expert tourist scientist agency department army flood storm wind fire warning danger river coast valley village
      road bridge beach boat truck sensor temperature speed level harvest` },
  { id: 'science', family: 'reports', nouns: `
      scientist researcher professor student expert university laboratory agency telescope computer camera battery sensor study article
      survey experiment conference theory problem temperature speed value star lake` },
  { id: 'culture', family: 'reports', nouns: `
      critic director actor painter writer reader musician museum theatre library film novel concert exhibition opera album drama
      documentary festival ceremony statue picture plot script` },
  { id: 'sport', family: 'reports', nouns: `
      player coach fan captain team club board field flag race match contract decision dispute mistake chance score` },
  { id: 'harbour', family: 'reports', nouns: `
      captain worker inspector sailor fisherman company union ship boat plane barrel package harbour canal coast strike accident tax
      cost demand agreement` },
  { id: 'housing', family: 'reports', nouns: `
      owner resident builder inspector council bank agency house hotel roof wall chimney ceiling district street rent price contract
      reform demand project` },
];

/** What a season does to a tale: weather nouns and the adjectives that fit. */
export const seasons = {
  spring: { weather: 'rain', adjectives: 'wet green fresh', plant: 'flower' },
  summer: { weather: 'heat', adjectives: 'hot dry dusty', plant: 'rose' },
  autumn: { weather: 'fog', adjectives: 'brown golden wet', plant: 'leaf' },
  winter: { weather: 'snow', adjectives: 'white frozen icy', plant: 'pine' },
} as const;
