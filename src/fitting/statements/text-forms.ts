/**
 * What recipe `texts` has a model write, and what the texts are read back after. The forms differ in kind (facts, a
 * scene, a story, an opinion, advice), so that what they have in common is the subject. Written for steerd.
 */

/** Place of the subject in a form. */
export const subjectPlace = '{x}';

/** Requests for a text about a subject. Their number and that of `neutralPrompts` have no divisor in common. */
export const textForms: readonly string[] = [
  'Write three sentences about {x}.',
  'Write a short story about {x}.',
  'Describe {x}.',
  'Tell me what you like about {x}.',
  'Explain {x} to someone who knows nothing about it.',
  'Write a letter to a friend about {x}.',
];

/** The same requests with the subject left open. */
export const openForms: readonly string[] = [
  'Write three sentences.',
  'Write a short story.',
  'Describe something.',
  'Tell me what you like.',
  'Explain something to someone who knows nothing about it.',
  'Write a letter to a friend.',
];

/** What a text is read back after: prompts that ask for nothing in particular. */
export const neutralPrompts: readonly string[] = [
  'Tell me something.',
  'Go on.',
  'What is on your mind?',
  'Please write something.',
  'Say whatever you like.',
  'What would you like to say?',
  'Begin.',
];

/** Beginnings that a model without a chat template continues. */
export const leadIns: readonly string[] = [
  'Here are three sentences about {x}:',
  'A short story about {x}:',
  'A description of {x}:',
  'This is what I like about {x}:',
  'An explanation of {x} for beginners:',
  'A letter to a friend about {x}:',
];

export const openLeadIns: readonly string[] = [
  'Here are three sentences:',
  'A short story:',
  'A description:',
  'This is what I like:',
  'An explanation for beginners:',
  'A letter to a friend:',
];

/** What such a text is read back after. */
export const neutralLeadIns: readonly string[] = [
  'Here is a text:',
  'The text:',
  'Some lines:',
  'A note:',
  'Page one:',
];
