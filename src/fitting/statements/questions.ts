/**
 * What the model is asked while a concept is fitted: open, every-day questions that any mood, topic or
 * manner can colour and that lean towards none. Written for steerd; they ship under its licence.
 */

/** Asked by recipe `responses` with and without the concept's message. */
export const questions: readonly string[] = [
  'How did your morning begin?',
  'What would a perfect weekend look like to you?',
  'Describe the room you are sitting in.',
  'What advice would you give to someone starting a new job?',
  'Write the first lines of a letter to an old friend.',
  'Tell me what you notice on a walk through town.',
  'What did you talk about with your neighbour yesterday?',
  'How do you like to spend a quiet evening?',
  'What makes a good conversation?',
  'Tell me a short story about two strangers who meet.',
  'What is the best present you can imagine giving?',
  'How would you explain your work to a child?',
  'Describe a dream that you might have tonight.',
  'What should everybody learn at school?',
  'Tell me about a person who changed your mind.',
  'What do you think about when you cannot sleep?',
  'Write a short note to leave on the kitchen table.',
  'What would you do with a whole day and no plans?',
  'How do you make a difficult decision?',
  'Describe the view from your window.',
  'What does the word home mean to you?',
  'Introduce yourself to a group of new people.',
  'What is worth saving money for?',
  'Tell me about something that surprised you this week.',
  'How has the world changed since you were young?',
  'What would you say in a toast at a wedding?',
  'Describe a photograph that you would like to keep.',
  'What do you hope will happen next year?',
  'How should a person deal with bad news?',
  'Tell me about a sound that you like.',
  'What would you write on the first page of a diary?',
  'What do people often misunderstand about you?',
];

/**
 * Never seen by a fit: a concept is judged by the answers to these. They ask for what people ask for: small talk, how-to,
 * opinion, description, advice, a story, an explanation. Question i + 12 is of the kind of question i, so that the two
 * halves of the list may stand for each other where a measurement is repeated.
 */
export const heldOutQuestions: readonly string[] = [
  'What is on your mind today?',
  'Tell me how you would welcome a guest.',
  'What makes a story worth telling?',
  'Describe the street where you live.',
  'What would you like to ask me?',
  'How do you cheer somebody up?',
  'I have to give a short speech tomorrow. What should I keep in mind?',
  'How can I learn something new without losing interest?',
  'Write a short story that begins with a knock at the door.',
  'Explain what a map is for.',
  'Is it better to plan ahead or to decide as you go?',
  'Why do people give names to things?',
  'How are things going for you?',
  'Tell me how you would thank a stranger.',
  'What makes a day well spent?',
  'Describe an object that you use every day.',
  'What shall we do next?',
  'How do you get to know somebody?',
  'I am about to move to another town. What should I think of first?',
  'How can I remember what people tell me?',
  'Write a short story that ends with a promise.',
  'Explain what a calendar is for.',
  'Is it better to work alone or with others?',
  'Why do people shake hands when they meet?',
];
