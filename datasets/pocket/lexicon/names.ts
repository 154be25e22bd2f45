/** Names of people and places, numbers and times. A first name fixes the gender of every later pronoun. */
export const names = {
  female: `anna clara mary ellen sarah lena julia martha helen emma alice nora ruth eva maria laura ida agnes hanna sofia vera
    olga lucy edith elsa irene judith karin linda marta nina beatrice cecilia diana flora greta hilda ingrid jane kate louise`,
  male: `john peter thomas paul martin david simon oscar henry karl anton jacob adam felix george hans erik daniel victor
    walter albert bruno conrad edgar franz gustav hugo ivan joseph kurt leo magnus nils otto philip ralph theo vincent arthur
    benjamin christian edward`,
  family: `lindgren brandt moreau keller novak jensen harlow mercer whitman ashby castell donovan ekman farrell gallagher
    hartley ibsen jarvis kowalski lambert marsden norwood osborne pruitt rosen thorne wexford bellini carver`,
  town: `millbrook ashford weston larkham northgate eastbury fairhaven greendale hallam ironbridge kingsport longford marlow
    newbury oakfield penrith queensbury redcliff southwell thornton upwell vernham westbrook yarmouth aldon brenwick linden`,
  weekday: 'monday tuesday wednesday thursday friday saturday sunday',
  month: 'january february march april may june july august september october november december',
  season: 'spring summer autumn winter',
} as const;

export const numbers = {
  small: 'two three four five six seven eight nine ten twelve',
  large: 'eleven thirteen fourteen fifteen sixteen eighteen twenty thirty forty fifty sixty seventy eighty ninety',
  unit: 'hundred thousand million',
  ordinal: 'first second third fourth fifth sixth seventh tenth',
} as const;

/** Years that reports name. */
export const years: readonly string[] = Array.from({ length: 40 }, (_, i) => String(1980 + i));
