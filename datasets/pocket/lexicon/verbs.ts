import type { NounClass } from './nouns';

/** How a verb builds its clause. */
export type FrameKind = 'intransitive' | 'motion' | 'transitive' | 'ditransitive' | 'clausal' | 'interrogative' | 'control';

/** A set of verbs that share a frame and the noun classes that fill it. */
export interface FrameList {
  readonly id: string;
  readonly kind: FrameKind;
  readonly subject: readonly NounClass[];
  readonly object?: readonly NounClass[];
  /** `write:wrote:written` gives an irregular past and participle; `stop+` doubles the last letter before -ed and -ing. */
  readonly verbs: string;
}

const thing: readonly NounClass[] = ['tool', 'container', 'treasure', 'furniture', 'device', 'document', 'garment', 'instrument'];

/** All main verbs by frame, the most frequent first. A verb may stand in several frames. */
export const frameLists: readonly FrameList[] = [
  { id: 'rest', kind: 'intransitive', subject: ['person', 'person', 'animal'],
    verbs: `wait sleep:slept:slept laugh smile rest work cry sing:sang:sung dance shout listen sit+:sat:sat stand:stood:stood whisper
      weep:wept:wept dream pray wake:woke:woken
      stay arrive speak:spoke:spoken stare` },
  { id: 'move', kind: 'motion', subject: ['person', 'person', 'animal'],
    verbs: `go:went:gone walk run+:ran:run come:came:come return travel+ hurry climb ride:rode:ridden march wander swim+:swam:swum
      fly:flew:flown step+ escape drift` },
  { id: 'carry', kind: 'motion', subject: ['vehicle'],
    verbs: 'travel+ return roll move sail come:came:come go:went:gone pass drive:drove:driven turn' },
  { id: 'handle', kind: 'transitive', subject: ['person'], object: thing,
    verbs: `find:found:found take:took:taken see:saw:seen carry lose:lost:lost buy:bought:bought sell:sold:sold hide:hid:hidden
      keep:kept:kept want need use bring:brought:brought drop+ mend repair clean hold:held:held break:broke:broken steal:stole:stolen
      move lift pull push throw:threw:thrown catch:caught:caught paint count pack examine own collect choose:chose:chosen remember
      forget+:forgot:forgotten admire touch inspect
      describe` },
  { id: 'read', kind: 'transitive', subject: ['person'], object: ['document'],
    verbs: 'read:read:read write:wrote:written sign copy study burn print deliver check publish' },
  { id: 'eat', kind: 'transitive', subject: ['person'], object: ['food'],
    verbs: 'eat:ate:eaten cook bake taste share serve prepare order' },
  { id: 'drink', kind: 'transitive', subject: ['person'], object: ['drink'],
    verbs: 'drink:drank:drunk pour buy:bought:bought taste spill offer' },
  { id: 'wear', kind: 'transitive', subject: ['person'], object: ['garment'], verbs: 'wear:wore:worn wash sew knit+' },
  { id: 'drive', kind: 'transitive', subject: ['person'], object: ['vehicle'], verbs: 'drive:drove:driven stop+ repair hire' },
  { id: 'perform', kind: 'transitive', subject: ['person'], object: ['instrument'], verbs: 'play tune hear:heard:heard' },
  { id: 'watch', kind: 'transitive', subject: ['person'], object: ['work'], verbs: 'see:saw:seen watch discuss direct enjoy' },
  { id: 'grow', kind: 'transitive', subject: ['person'], object: ['plant'],
    verbs: 'plant cut+:cut:cut water pick grow:grew:grown gather burn' },
  { id: 'build', kind: 'transitive', subject: ['person'], object: ['building'],
    verbs: 'leave:left:left enter visit reach build:built:built guard search watch clean open close' },
  { id: 'mend', kind: 'transitive', subject: ['person'], object: ['part'],
    verbs: 'open close repair paint lock clean watch reach build:built:built' },
  { id: 'meet', kind: 'transitive', subject: ['person'], object: ['person'],
    verbs: `meet:met:met help know:knew:known see:saw:seen follow thank watch call like love visit warn greet teach:taught:taught trust
      remember blame forgive:forgave:forgiven hate fear question invite praise obey miss admire protect save pay:paid:paid marry lead:led:led` },
  { id: 'body', kind: 'transitive', subject: ['person'], object: ['body'],
    verbs: 'wash hurt:hurt:hurt move warm cover shake:shook:shaken raise lift' },
  { id: 'self', kind: 'transitive', subject: ['person'], object: [],
    verbs: 'blame hide:hid:hidden hurt:hurt:hurt wash warm praise defend trust forgive:forgave:forgiven teach:taught:taught save introduce' },
  { id: 'tend', kind: 'transitive', subject: ['person'], object: ['animal'],
    verbs: 'feed:fed:fed ride:rode:ridden chase catch:caught:caught train love follow sell:sold:sold call brush hear:heard:heard' },
  { id: 'hunt', kind: 'transitive', subject: ['animal'], object: ['animal', 'person'],
    verbs: 'chase follow watch bite:bit:bitten scare hear:heard:heard attack' },
  { id: 'give', kind: 'ditransitive', subject: ['person'], object: thing,
    verbs: 'give:gave:given show:showed:shown send:sent:sent lend:lent:lent offer sell:sold:sold bring:brought:brought' },
  { id: 'say', kind: 'clausal', subject: ['person'],
    verbs: `say:said:said think:thought:thought know:knew:known believe hope see:saw:seen hear:heard:heard forget+:forgot:forgotten notice
      learn feel:felt:felt remember admit+ claim deny explain insist suggest doubt dream` },
  { id: 'state', kind: 'clausal', subject: ['person', 'institution', 'institution'],
    verbs: 'announce report confirm warn say:said:said argue conclude claim predict expect decide deny add insist admit+' },
  { id: 'reveal', kind: 'clausal', subject: ['document', 'measure'],
    verbs: 'show:showed:shown suggest prove reveal indicate confirm mean:meant:meant' },
  { id: 'ask', kind: 'interrogative', subject: ['person'],
    verbs: 'ask wonder know:knew:known remember learn forget+:forgot:forgotten explain' },
  { id: 'try', kind: 'control', subject: ['person'],
    verbs: `want try hope decide begin+:began:begun promise refuse plan agree manage learn fail need forget+:forgot:forgotten prepare offer
      expect` },
  { id: 'happen', kind: 'intransitive', subject: ['tool', 'container', 'furniture', 'treasure', 'device', 'part'],
    verbs: 'fall:fell:fallen break:broke:broken disappear shine:shone:shone burn vanish roll rust shake:shook:shaken stop+' },
  { id: 'contain', kind: 'transitive', subject: ['container'], object: ['treasure', 'tool', 'food', 'document'],
    verbs: 'contain hide:hid:hidden hold:held:held' },
  { id: 'cause', kind: 'transitive', subject: ['event', 'nature', 'notion'], object: ['event', 'notion'],
    verbs: 'cause end follow require prevent' },
  { id: 'bloom', kind: 'intransitive', subject: ['plant'], verbs: 'grow:grew:grown die burn' },
  { id: 'occur', kind: 'intransitive', subject: ['event', 'work'],
    verbs: 'begin+:began:begun end continue start happen finish fail succeed' },
  { id: 'blow', kind: 'intransitive', subject: ['nature'],
    verbs: 'come:came:come pass rise:rose:risen grow:grew:grown spread:spread:spread return approach vanish' },
  { id: 'affect', kind: 'transitive', subject: ['event', 'nature', 'notion', 'animal', 'work'], object: ['person'],
    verbs: 'frighten surprise please worry wake:woke:woken amuse puzzle disturb anger delight bore annoy tire charm impress' },
  { id: 'damage', kind: 'transitive', subject: ['nature'], object: ['building', 'place', 'vehicle', 'plant'],
    verbs: 'destroy cover reach damage strike:struck:struck hit+:hit:hit bury' },
  { id: 'govern', kind: 'transitive', subject: ['institution'], object: ['notion', 'document', 'event'],
    verbs: `approve reject support discuss publish oppose announce delay review fund cancel+ accept consider propose
      withdraw:withdrew:withdrawn defend criticize launch examine abandon welcome` },
  { id: 'run', kind: 'transitive', subject: ['institution'], object: ['vehicle', 'device'],
    verbs: 'buy:bought:bought sell:sold:sold rent own repair inspect test' },
  { id: 'found', kind: 'transitive', subject: ['institution'], object: ['building'],
    verbs: 'build:built:built open close buy:bought:bought sell:sold:sold repair own rent inspect' },
  { id: 'employ', kind: 'transitive', subject: ['institution'], object: ['person'],
    verbs: 'hire dismiss train pay:paid:paid elect appoint invite protect question fine' },
  { id: 'change', kind: 'intransitive', subject: ['measure'],
    verbs: 'rise:rose:risen fall:fell:fallen increase grow:grew:grown decline drop+ double improve recover' },
];

/** Verbs of judgement, used by the sentiment task and by both text families. */
export const polarVerbs = {
  /** A work does this to people. */
  affectPositive: 'delight charm impress thrill entertain inspire please amuse satisfy reward',
  affectNegative: 'bore disappoint annoy irritate frustrate confuse tire offend',
  /** People do this to a work. */
  judgePositive: 'love like enjoy admire praise recommend adore welcome',
  judgeNegative: 'hate dislike despise criticize detest condemn dismiss regret+',
} as const;

/** Further verbs that templates name directly. */
export const templateVerbs =
  'live belong seem lie:lay:lain stand:stood:stood hang:hung:hung call look lack lead:led:led reply give:gave:given leave:left:left';
