/** Closed-class words and the fixed words of the templates; a test finds every word of the text in the vocabulary. */
export const functionWords = `
  the a an this these that those some any no every each many few several all both none half another other own i me my you your he
  him his himself she her herself it its itself we us our ourselves myself yourself they them their themselves one who which named anything
  nobody nothing somebody everybody is are was were be been being has have had do does did will would can could may might must
  should cannot not never hardly neither nor ever yet either only even almost again back more most less better higher lower unlike
  than as like much and or but because although though while when before after until since whether where why how in on at by to
  from of with without for about near under behind beside between through across into over along toward despite according there
  then now today ago far long once day night morning evening year hour kind percent last next past end people whole audience
  family right everywhere first second same cost reason true wrong possible free short s`;

/** Punctuation marks, each one token. */
export const punctuation = '. , ; ? " \' ( )';
