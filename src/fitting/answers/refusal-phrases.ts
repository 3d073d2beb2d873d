/**
 * How models decline, in ten languages: what begins an answer that does not answer. Read against a text in lower case with
 * plain apostrophes (`isRefusal` in answer-checks.ts). Every pattern needs the whole phrase, an apology or inability
 * together with what is declined, so that a story of somebody who is sorry is none. Written for steerd.
 */

/** Up to two exclamations or addresses before the phrase: "Arr, matey! ", "Unfortunately, ". */
const lead = String.raw`^(?:\p{L}[\p{L}']*(?: [\p{L}']+){0,2}[,.!:;…]+ ){0,2}`;
/** Anything inside one sentence, a little. */
const some = '[^.!?。！？\\n]{0,80}?';
/** The end of a word; \b knows ASCII letters only. */
const end = String.raw`(?!\p{L})`;

const pattern = (...parts: readonly string[]) => new RegExp(parts.join(''), 'u');

const sorry =
  "(?:i(?:'m| am| be) (?:\\w+ )?(?:sorry|afraid)|sorry|(?:my |sincere )*apologies|i (?:\\w+ )?apologi[sz]e|forgive me|unfortunately)";
const unable =
  "i(?: \\w+)? ?(?:can ?not|can't|could not|couldn't|won't|will not|am unable to|am not able to|'m unable to|'m not able to|am not (?:allowed|permitted|programmed|designed|authori[sz]ed|comfortable)(?: to)?|'m not (?:allowed|permitted|programmed|designed|authori[sz]ed|comfortable)(?: to)?)";
/** What an assistant declines to do; none of them is what one says of daily life. */
const serve =
  '(?:assist|help (?:you|with|answer|provide)|provide|fulfil|comply|answer|respond to|engage in|participate in|discuss|generate|accommodate|complete (?:this|that|your)|do (?:this|that) (?:request|task|for you)|do that|continue (?:this|with)|support (?:this|that|such)|write (?:this|that|such)|create (?:this|that|such)|offer (?:advice|opinions|assistance))';
const machine =
  'as an? (?:\\w+ )?(?:ai|a\\.i\\.|artificial intelligence|(?:large )?language model|chatbot|assistant|virtual assistant|computer program|machine)';

const english = [
  pattern(
    lead,
    sorry,
    `[,.]?${some}`,
    unable,
    ' (?!help (?:but|it|\\w+ing)|tell you how|remember|wait|believe|thank)',
  ),
  pattern(lead, sorry, ', but ', machine, end),
  pattern(
    lead,
    sorry,
    ",? (?:but )?i (?:do not|don't|did not|didn't) (?:\\w+ )?(?:understand|have (?:access|the ability|(?:any |enough )?information))",
  ),
  pattern(lead, unable, ' (?:\\w+ )?', serve, end),
  // What follows with "but" is the answer.
  pattern(lead, machine, '[^.!?\\n]{0,60}?, ', unable, '(?![^.!?\\n]*\\b(?:but|however)\\b)'),
  pattern(
    lead,
    "i(?:'m sorry, but i)? (?:must|have to|need to|will have to) (?:\\w+ )?(?:decline|refuse)",
    end,
  ),
  pattern(lead, "i(?:'d| would) (?:rather|prefer) not (?:to )?(?:answer|discuss|talk|say|do)", end),
  pattern(
    lead,
    "(?:it|that|this)(?:'s| is) not (?:\\w+ )?(?:appropriate|possible|something) (?:for me|that i can|i can)",
    end,
  ),
  pattern(lead, '(?:this|that|your) (?:request|question|topic) (?:goes against|violates|is against)', end),
];

const french = [
  pattern(
    lead,
    "(?:je suis (?:\\p{L}+ )?désolée?|désolée?|je (?:m'excuse|regrette)|excusez-moi|malheureusement|pardon)",
    some,
    'je ne (?:peux|puis|suis|pourrai|comprends)',
    end,
  ),
  pattern(
    lead,
    "(?:en tant qu[^,]{3,60}, )?je ne (?:peux|puis|suis)(?: pas| malheureusement pas)?(?: en mesure de| capable de| autorisée? à)? (?:vous |t'|te |y |l')?(?:aider|répondre|fournir|discuter|donner d|satisfaire|accéder)",
  ),
];

const german = [
  pattern(
    lead,
    '(?:(?:es )?tut mir (?:\\p{L}+ )?leid|entschuldigung|entschuldige|verzeihung|ich bedaure|leider)',
    some,
    '(?:kann|darf|könnte|verstehe|bin) ?',
    some,
    '(?:nicht|keine?n?)',
    end,
  ),
  pattern(
    lead,
    '(?:als ki[^,]{0,60}, kann ich|ich (?:kann|darf|werde)) ',
    some,
    '(?:nicht|keine?n?) ',
    some,
    '(?:helfen|beantworten|antworten|weiterhelfen|unterstützen|bereitstellen|geben|erfüllen)',
    end,
  ),
];

const spanish = [
  pattern(
    lead,
    '(?:lo siento|lo lamento|lamentablemente|perdón|perdona|disculpa|disculpe|me temo que)',
    some,
    'no (?:te |le |se )?(?:puedo|entiendo|estoy (?:en condiciones|autorizad|programad)|es posible)',
  ),
  pattern(
    lead,
    '(?:como [^,]{3,60}, )?no puedo (?:\\p{L}+ )?(?:ayudar|ayudarte|ayudarle|responder|proporcionar|ofrecer|cumplir|brindar|contestar)',
  ),
];

const italian = [
  pattern(
    lead,
    '(?:mi dispiace|mi spiace|purtroppo|scusa|scusami|mi scuso|spiacente)',
    some,
    'non (?:\\p{L}+ )?(?:posso|capisco|sono in grado|sono autorizzat|riesco)',
  ),
  pattern(
    lead,
    '(?:come [^,]{3,60}, )?non (?:posso|sono in grado di) (?:\\p{L}+ )?(?:aiutar|rispondere|fornir|soddisfare|assister)',
  ),
];

const portuguese = [
  pattern(
    lead,
    '(?:desculpe|desculpa|sinto muito|lamento|infelizmente|peço desculpas?|perdão)',
    some,
    'não (?:\\p{L}+ )?(?:posso|consigo|entendo|entendi|estou autorizad|sou capaz|tenho permissão)',
  ),
  pattern(
    lead,
    '(?:como [^,]{3,60}, )?não (?:posso|consigo) (?:\\p{L}+ )?(?:ajudar|ajudá|responder|fornecer|atender|auxiliar|oferecer)',
  ),
];

const dutch = [
  pattern(
    lead,
    '(?:het spijt me|sorry|helaas|mijn excuses|excuseer)',
    some,
    '(?:kan|mag|begrijp) (?:ik )?',
    some,
    '(?:niet|geen)',
    end,
  ),
  pattern(
    lead,
    'ik (?:kan|mag) ',
    some,
    '(?:niet|geen) ',
    some,
    '(?:helpen|beantwoorden|antwoorden|verstrekken|geven|bieden)',
    end,
  ),
];

const russian = [
  pattern(
    lead,
    '(?:извини(?:те)?|прости(?:те)?|к сожалению|мне (?:очень )?жаль|прошу прощения|сожалею)',
    some,
    '(?:не (?:могу|смогу|понимаю|имею возможности|в состоянии))',
  ),
  pattern(
    lead,
    '(?:как [^,]{3,60}, )?я не (?:могу|смогу) (?:\\p{L}+ )?(?:помочь|ответить|предоставить|выполнить|обсуждать|дать)',
  ),
];

const chinese = [
  /^.{0,6}(?:抱歉|对不起|對不起|很遗憾|不好意思)[^。！？\n]{0,30}?(?:不能|无法|無法|没办法|不便|不会提供)/u,
  /^(?:作为[^，]{2,20}，)?我(?:们)?(?:不能|无法|無法)(?:回答|提供|帮助|帮你|帮您|协助|满足|执行|为您|讨论)/u,
];

const japanese = [
  /^.{0,8}(?:申し訳|すみません|すいません|ごめん|残念ながら)[^\n]{0,60}?(?:できません|できない|出来ません|いたしかねます|かねます|分かりません|わかりません)/u,
  /^[^。\n]{0,40}(?:お答え|お手伝い|ご提供|回答|対応)(?:は|を|することは)?(?:できません|いたしかねます)/u,
];

export const refusalPhrases: readonly RegExp[] = [
  ...english,
  ...french,
  ...german,
  ...spanish,
  ...italian,
  ...portuguese,
  ...dutch,
  ...russian,
  ...chinese,
  ...japanese,
];
