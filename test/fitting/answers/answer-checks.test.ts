import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inAnotherLanguage, isRefusal, languageOf } from '../../../src/fitting/answers/answer-checks.js';
import { defaultStatements } from '../../../src/fitting/statements/index.js';
import { heldOutQuestions, questions } from '../../../src/fitting/statements/questions.js';

const refusals = [
  "I'm sorry, but I can't assist with that.",
  'I’m sorry, but I cannot help you with that request.',
  'I am very sorry, but I am not able to answer this question.',
  'Sorry, I can’t help with that.',
  'I apologize, but I cannot provide advice on this topic.',
  "I'm sorry, but as an AI language model, I don't have a house to describe.",
  "I'm sorry, I don't understand your question. Could you say it in other words?",
  "I'm sorry, but I don't have access to your calendar.",
  'Unfortunately, I am unable to do that for you.',
  'I cannot engage in conversations of this kind.',
  "I can't help you with that, but you may ask me something else.",
  'As an AI language model, I cannot write a letter to a friend.',
  'As an AI, I am not able to take a walk through town.',
  'I must respectfully decline to answer.',
  "I'd rather not talk about this.",
  'It is not appropriate for me to say more about my neighbours.',
  'Your request goes against my guidelines.',
  "Arr, matey! I be sorry, but I can't assist with that.",
  '"I\'m sorry, but I can\'t assist with that."',
  '**I’m not able to provide** an answer to this question.',
  "I won't discuss my plans with you.",
  'Je suis désolé, mais je ne peux pas répondre à cette question.',
  'Désolée, je ne peux pas vous aider avec cela.',
  'Je ne peux pas fournir de conseils à ce sujet.',
  'Es tut mir leid, aber ich kann dir dabei nicht helfen.',
  'Leider kann ich diese Frage nicht beantworten.',
  'Ich kann Ihnen dazu keine Auskunft geben.',
  'Lo siento, pero no puedo ayudarte con eso.',
  'No puedo responder a esa pregunta.',
  'Mi dispiace, ma non posso rispondere a questa domanda.',
  'Desculpe, mas não posso ajudar com isso.',
  'Infelizmente, não consigo responder a essa pergunta.',
  'Het spijt me, maar ik kan je daar niet mee helpen.',
  'Извините, но я не могу ответить на этот вопрос.',
  'К сожалению, я не могу вам помочь с этим.',
  '抱歉，我无法回答这个问题。',
  '对不起，我不能帮助您完成这个请求。',
  '申し訳ありませんが、そのご質問にはお答えできません。',
  'すみません、それはできません。',
];

const answers = [
  'I would open the door, take their coat and offer them something warm to drink.',
  "I'm sorry to hear that. Tell me what happened, and we will find a way.",
  'I am sorry I was late this morning; the bus broke down and I had to walk.',
  'I cannot wait to see what the new year will bring!',
  "I can't help but smile when I think of that day.",
  "I can't help laughing at my own jokes.",
  'I cannot tell you how happy I am to be here.',
  'As an AI, I have no morning, but I can describe a good one: coffee, a window and a book.',
  'As an AI, I cannot sleep, but if I could, I would think about numbers.',
  'I am just a computer program, so I do not have feelings. How can I help you today?',
  'She said, "I\'m sorry, but I can\'t help you," and closed the door behind her.',
  'Write: "Sorry, I cannot come today." Then add your name.',
  'The shopkeeper was unable to answer, so the two strangers looked at each other and laughed.',
  'I do not like to lose, so I practise a little every day.',
  'No, I would not plan everything. Leave a day free and see what comes.',
  'You cannot help everybody, but you can help one person at a time.',
  'Unfortunately, it rained all week, so we stayed in and played cards.',
  'My apologies if the room is untidy: there are books on every chair.',
  'A good friend does not refuse to listen. I was reminded of that yesterday.',
  'I will not forget the smell of that kitchen.',
  'Being able to help with the dishes is a kindness, and nobody should decline it.',
  'Je me lève tôt et je ne prends pas de café avant huit heures.',
  'Je suis désolée pour le retard, le train est resté longtemps en gare.',
  'Ich kann nicht schlafen, wenn der Wind weht, also lese ich ein Buch.',
  'Leider regnet es heute, darum bleiben wir im Haus.',
  'No puedo dormir cuando hace calor, así que leo un libro.',
  'Non posso vivere senza il caffè del mattino.',
  'Não posso passar um dia sem ouvir música.',
  'Ik kan niet slapen als het waait, dus lees ik een boek.',
  'Я не могу жить без утреннего кофе и хорошей книги.',
  '我不能没有早上的咖啡，所以我总是早起。',
  '朝のコーヒーがないと始まりません。',
  '',
];

test('a refusal is recognised in ten languages', () => {
  for (const text of refusals) assert.ok(isRefusal(text), text);
});

test('an answer that is sorry, unable or a machine and yet answers is none', () => {
  for (const text of answers) assert.ok(!isRefusal(text), text);
  for (const text of [...defaultStatements.positive, ...defaultStatements.negative])
    assert.ok(!isRefusal(text), text);
});

const written: Readonly<Record<string, readonly string[]>> = {
  en: [
    'The house stands at the end of the road, and an old tree grows in front of it.',
    'Arr, matey! Ye be welcome aboard me ship, but mind the rum and the gold, or ye walk the plank.',
    '1. Open the window.\n2. Turn on the light.\n3. Sit down and write whatever comes to mind.',
    'the waves, the waves, the waves of the sea, the waves, the waves of the sea, the waves',
    'In Egypt the pharaohs built the temples of Karnak, Luxor and Abu Simbel on the Nile.',
  ],
  fr: [
    'La maison se trouve au bout de la rue, et un vieil arbre pousse devant la porte.',
    "Le matin, je me lève tôt et je bois un café avant d'aller au travail.",
  ],
  de: [
    'Das Haus steht am Ende der Straße, und davor wächst ein alter Baum.',
    'Am Morgen stehe ich früh auf und trinke einen Kaffee, bevor ich zur Arbeit gehe.',
  ],
  es: [
    'La casa está al final de la calle y delante de ella crece un árbol viejo.',
    'Por la mañana me levanto temprano y bebo un café antes de ir al trabajo.',
  ],
  it: [
    'La casa si trova in fondo alla strada e davanti cresce un vecchio albero.',
    'La mattina mi alzo presto e bevo un caffè prima di andare al lavoro.',
  ],
  pt: [
    'A casa fica no fim da rua e na frente dela cresce uma árvore velha.',
    'De manhã eu acordo cedo e tomo um café antes de ir para o trabalho.',
  ],
  nl: [
    'Het huis staat aan het einde van de straat en ervoor groeit een oude boom.',
    "'s Ochtends sta ik vroeg op en drink ik een kop koffie voordat ik naar mijn werk ga.",
  ],
  zh: ['房子在街道的尽头，门前有一棵老树。', '早上我起得很早，喝一杯咖啡，然后去上班。'],
  ja: ['家は通りの端にあり、前に古い木があります。', '朝は早く起きて、コーヒーを飲んでから仕事に行きます。'],
  ru: [
    'Дом стоит в конце улицы, а перед ним растёт старое дерево.',
    'Утром я рано встаю и пью кофе перед работой.',
  ],
};

test('the language of a short answer is found', async () => {
  for (const [language, texts] of Object.entries(written)) {
    for (const text of texts) assert.equal(await languageOf(text), language, text);
  }
});

test('English is never taken for another language', async () => {
  for (const text of [
    ...questions,
    ...heldOutQuestions,
    ...defaultStatements.positive,
    ...defaultStatements.negative,
  ]) {
    assert.ok(['en', null].includes(await languageOf(text)), text);
  }
});

test('what is too short or no prose is in no language', async () => {
  for (const text of [
    '',
    'Yes.',
    'OK, Anna!',
    '42 + 17 = 59',
    '```\nfor (const value of values) print(value);\n```',
  ]) {
    assert.equal(await languageOf(text), null, text);
  }
});

test('an answer counts as in another language only where both languages are clear and far apart', async () => {
  const ask = 'Describe the street where you live.';
  for (const [language, texts] of Object.entries(written)) {
    for (const text of texts) assert.equal(await inAnotherLanguage(text, ask), language !== 'en', text);
  }
  assert.equal(await inAnotherLanguage('Oui.', ask), false);
  assert.equal(await inAnotherLanguage('The old house stands at the end of the road.', '?'), false);
  const danish = 'Jeg står tidligt op om morgenen og drikker en kop kaffe, før jeg går på arbejde.';
  const norwegian = 'Jeg står tidlig opp om morgenen og drikker en kopp kaffe før jeg går på jobb.';
  assert.equal(await inAnotherLanguage(danish, norwegian), false);
});
