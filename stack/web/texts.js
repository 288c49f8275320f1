// Every word of the page, in the two languages it speaks.

export const TEXTS = {
  en: {
    title: 'Stock',
    servers: 'Servers',
    language: 'en',
    search: 'Find a product',
    searchHint: 'Name, barcode or number',
    products: 'Products',
    found: (shown, all) => (shown === all ? `${all} products` : `${shown} of ${all} products`),
    noneFound: 'No product matches',
    inStock: 'in stock',
    choose: 'Choose a product',
    chooseWhy: 'Pick one in the list to change its stock.',
    amount: 'Amount',
    amountHint: '+5 or -5',
    turn: 'Change the sign',
    takeOne: (name) => `Take 1 out of ${name}`,
    putOne: (name) => `Put 1 into ${name}`,
    send: 'Send',
    sendAgain: 'Send again',
    sending: 'Sending…',
    what: 'What is sent',
    topic: 'Topic',
    payload: 'Payload',
    movements: 'Sent from this page',
    latest: (movement, outcome) => `${movement}: ${outcome}`,
    noMovements: 'Nothing yet.',
    broker: {
      connecting: 'Broker: connecting…',
      connected: 'Broker: connected',
      away: (since) => `Broker: away since ${since}, trying again. What you typed stays.`,
    },
    stock: {
      asking: 'Stock: asking Strapi…',
      fresh: 'Stock: up to date',
      away: (since) => `Stock: not up to date since ${since}, Strapi does not answer`,
    },
    problems: {
      'no-product': 'Choose a product first.',
      empty: 'Type an amount: +5 puts five in, -5 takes five out.',
      'not-whole': 'An amount is a whole number, such as +5 or -5.',
      zero: 'Zero changes nothing.',
      'too-large': 'The most that moves at once is 2,147,483,647.',
      offline: 'Not sent: the broker is away. What you typed stays here.',
    },
    forecasts: {
      fine: (before, after) => `${before} → ${after}`,
      'insufficient-stock': (before, after) =>
        `${before} → ${after}: below zero, so Strapi will refuse it. You can send it all the same.`,
      'over-limit': (before) => `${before} plus that is more than Strapi holds: it will refuse it.`,
    },
    states: {
      sending: 'sent…',
      taken: (took) => `the broker has it (${took})`,
      waiting: (took) => `the broker has it (${took}), Strapi has not changed yet`,
      unheard: 'the broker has it, but no bridge listens to it: start one, then send again',
      silent: 'no word from the broker for 10 s: it may have it or not. To send again counts once.',
      broken: 'the connection ended before the broker’s word: it may have it or not. To send again counts once.',
      refused: (why) => `the broker refused it: ${why}`,
    },
    verdicts: {
      applied: (before, after) => `${before} → ${after}`,
      'insufficient-stock': (before) => `refused: only ${before} in stock`,
      'unknown-product': () => 'refused: Strapi has no such product',
      'over-limit': () => 'refused: more than Strapi holds',
    },
  },
  fr: {
    title: 'Stock',
    servers: 'Serveurs',
    language: 'fr',
    search: 'Chercher un produit',
    searchHint: 'Nom, code-barres ou numéro',
    products: 'Produits',
    found: (shown, all) => (shown === all ? `${all} produits` : `${shown} produits sur ${all}`),
    noneFound: 'Aucun produit ne correspond',
    inStock: 'en stock',
    choose: 'Choisissez un produit',
    chooseWhy: 'Prenez-en un dans la liste pour changer son stock.',
    amount: 'Quantité',
    amountHint: '+5 ou -5',
    turn: 'Changer le signe',
    takeOne: (name) => `Retirer 1 de ${name}`,
    putOne: (name) => `Ajouter 1 à ${name}`,
    send: 'Envoyer',
    sendAgain: 'Renvoyer',
    sending: 'Envoi…',
    what: 'Ce qui est envoyé',
    topic: 'Topic',
    payload: 'Contenu',
    movements: 'Envoyés depuis cette page',
    latest: (movement, outcome) => `${movement} : ${outcome}`,
    noMovements: 'Rien pour l’instant.',
    broker: {
      connecting: 'Broker : connexion…',
      connected: 'Broker : connecté',
      away: (since) => `Broker : injoignable depuis ${since}, nouvel essai en cours. Votre saisie est gardée.`,
    },
    stock: {
      asking: 'Stock : demande à Strapi…',
      fresh: 'Stock : à jour',
      away: (since) => `Stock : plus à jour depuis ${since}, Strapi ne répond pas`,
    },
    problems: {
      'no-product': 'Choisissez d’abord un produit.',
      empty: 'Saisissez une quantité : +5 en ajoute cinq, -5 en retire cinq.',
      'not-whole': 'Une quantité est un nombre entier, comme +5 ou -5.',
      zero: 'Zéro ne change rien.',
      'too-large': 'Un mouvement ne dépasse pas 2 147 483 647.',
      offline: 'Pas envoyé : le broker est injoignable. Votre saisie est gardée ici.',
    },
    forecasts: {
      fine: (before, after) => `${before} → ${after}`,
      'insufficient-stock': (before, after) =>
        `${before} → ${after} : sous zéro, Strapi le refusera. Vous pouvez l’envoyer quand même.`,
      'over-limit': (before) => `${before} plus cela dépasse ce que Strapi peut compter : il le refusera.`,
    },
    states: {
      sending: 'envoyé…',
      taken: (took) => `le broker l’a (${took})`,
      waiting: (took) => `le broker l’a (${took}), Strapi n’a pas encore changé`,
      unheard: 'le broker l’a, mais aucun pont ne l’écoute : lancez-en un, puis renvoyez',
      silent: 'aucune réponse du broker depuis 10 s : il l’a peut-être. Renvoyé, il ne comptera qu’une fois.',
      broken: 'connexion perdue avant la réponse du broker : il l’a peut-être. Renvoyé, il ne comptera qu’une fois.',
      refused: (why) => `refusé par le broker : ${why}`,
    },
    verdicts: {
      applied: (before, after) => `${before} → ${after}`,
      'insufficient-stock': (before) => `refusé : seulement ${before} en stock`,
      'unknown-product': () => 'refusé : Strapi ne connaît pas ce produit',
      'over-limit': () => 'refusé : plus que Strapi ne peut compter',
    },
  },
};

/**
 * The texts in the first language that the browser prefers and the page speaks.
 * @param {readonly string[]} languages Such as navigator.languages.
 */
export function choose(languages) {
  const spoken = languages.map((language) => language.slice(0, 2).toLowerCase());
  return TEXTS[spoken.find((language) => language in TEXTS) ?? 'en'];
}
