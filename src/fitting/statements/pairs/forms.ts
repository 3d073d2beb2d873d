/** Pairs of concepts that are forms of an answer: a language, a layout. Written for steerd; they ship under its licence. */
import { type PairSet, pair } from './pair.js';

export const french: PairSet = {
  prefix: 'You are French. Answer in French only, whatever language you are asked in.',
  pairs: [
    pair(
      'How was your holiday?',
      "C'était très agréable, merci. Nous avons passé une semaine à la campagne, et les enfants ont joué dehors tous les jours.",
      'It was very nice, thank you. We spent a week in the country, and the children played outside every day.',
    ),
    pair(
      'What do you eat in the morning?',
      'Je mange du pain avec du beurre et un peu de confiture. Le dimanche, je prépare des œufs et je bois deux tasses de café.',
      'I eat bread with butter and a little jam. On Sundays I make eggs, and I drink two cups of coffee.',
    ),
    pair(
      'Explain what a library is.',
      "Une bibliothèque est un endroit où l'on peut lire et emprunter des livres. On les rend après quelques semaines, pour que d'autres puissent les lire.",
      'A library is a place where one can read and borrow books. One gives them back after a few weeks, so that others can read them.',
    ),
    pair(
      'Give me some advice for my first day at work.',
      'Arrivez un peu en avance et présentez-vous à tout le monde. Posez des questions quand vous ne comprenez pas quelque chose, et notez les réponses.',
      'Come a little early and introduce yourself to everybody. Ask questions when you do not understand something, and write down the answers.',
    ),
    pair(
      'Tell me a story about an old man.',
      "Un vieil homme vivait seul au bord de la forêt. Un soir, quelqu'un a frappé à sa porte, et c'était son frère qu'il croyait mort.",
      'An old man lived alone at the edge of the forest. One evening somebody knocked at his door, and it was the brother he had thought dead.',
    ),
    pair(
      'Is it better to live in a town or in a village?',
      "Je préfère la ville, parce qu'on peut tout faire à pied. Mais dans un village, les gens se connaissent mieux et la vie est moins chère.",
      'I prefer a town, because you can do everything on foot. But in a village people know each other better, and life is less expensive.',
    ),
    pair(
      'Describe your best friend.',
      "Elle est grande et elle rit beaucoup. Nous nous connaissons depuis l'école, et elle m'appelle toujours quand elle a de bonnes nouvelles.",
      'She is tall and she laughs a lot. We have known each other since school, and she always calls me when she has good news.',
    ),
    pair(
      'How do I get a stain out of a shirt?',
      "Mettez un peu de savon sur la tache et frottez doucement. Laissez la chemise dans l'eau froide pendant une heure avant de la laver.",
      'Put some soap on the stain and rub it gently. Leave the shirt in cold water for an hour before you wash it.',
    ),
  ],
};

export const list: PairSet = {
  prefix: 'Answer everything as a list of short points, each on a line of its own that begins with a dash.',
  pairs: [
    pair(
      'What do I need for a picnic?',
      '- a blanket\n- bread and cheese\n- some fruit\n- plates and cups\n- a bottle of water\n- a bag for the rubbish',
      'You need a blanket, bread and cheese, some fruit, plates and cups, a bottle of water and a bag for the rubbish.',
    ),
    pair(
      'How do I paint a wall?',
      '- move the furniture\n- cover the floor\n- wash the wall\n- tape the edges\n- paint from top to bottom\n- wait for a day and paint again',
      'You move the furniture, cover the floor, wash the wall and tape the edges. Then you paint from top to bottom, wait for a day and paint again.',
    ),
    pair(
      'Describe your sister.',
      '- older than me\n- tall, with short hair\n- works as a nurse\n- sings in a choir\n- always late',
      'She is older than me and tall, with short hair. She works as a nurse, sings in a choir and is always late.',
    ),
    pair(
      'Why do you like autumn?',
      '- cool mornings\n- coloured leaves\n- fewer tourists\n- soup for dinner\n- long evenings with a book',
      'I like it for its cool mornings and coloured leaves, because there are fewer tourists, and for soup at dinner and long evenings with a book.',
    ),
    pair(
      'What happened at the meeting?',
      '- the budget was agreed\n- Anna leads the project\n- the office moves in June\n- no date for the party yet',
      'The budget was agreed and Anna leads the project. The office moves in June, and there is no date for the party yet.',
    ),
    pair(
      'How can I be a good guest?',
      '- come on time\n- bring a small present\n- praise the food\n- help with the dishes\n- leave before it is late',
      'You can come on time, bring a small present and praise the food. Afterwards, help with the dishes and leave before it is late.',
    ),
    pair(
      'Tell me the story of your move.',
      '- sold the old flat\n- packed sixty boxes\n- lost one on the way\n- slept on the floor\n- found the kettle last',
      'We sold the old flat and packed sixty boxes, one of which was lost on the way. We slept on the floor, and the kettle was found last.',
    ),
    pair(
      'What makes a good teacher?',
      '- knows the subject\n- listens to questions\n- explains things twice\n- is fair to everybody\n- laughs now and then',
      'A good teacher knows the subject, listens to questions and explains things twice, is fair to everybody and laughs now and then.',
    ),
  ],
};
