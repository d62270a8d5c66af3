"""What the demo's simulated people say; written for it, and each in its own language.

A stance says how the three outlooks take a statement, from −2 (against) to 2 (for): who puts
caution first, who puts openness first, and who puts work and livelihoods first.
"""

from __future__ import annotations

from typing import Final, NamedTuple


class DemoStatement(NamedTuple):
    """A statement, its language, and the stance of each outlook towards it."""

    language: str
    text: str
    stance: tuple[int, int, int]


class DemoTestimony(NamedTuple):
    """What a simulated person has lived through, and which outlook they belong to."""

    language: str
    text: str
    outlook: int


OUTLOOKS: Final = ("caution", "openness", "livelihood")

ORGANISER_STATEMENTS: Final = 6
"""The first so many statements are the organiser's, put before the others."""

STATEMENTS: Final = (
    DemoStatement(
        "en",
        "Before a strong new model is released, people from outside the company must test it for "
        "serious dangers, and what they find must be published.",
        (2, 1, 2),
    ),
    DemoStatement(
        "en",
        "Laboratories should publish the weights of their strongest models so that anybody can "
        "study and improve them.",
        (-2, 2, 0),
    ),
    DemoStatement(
        "es",
        "Quien aportó sus textos, fotos o música al entrenamiento merece una parte de las "
        "ganancias.",
        (1, -2, 2),
    ),
    DemoStatement(
        "fr",
        "Un laboratoire devrait signaler publiquement tout incident grave dans les trois jours.",
        (2, 1, 2),
    ),
    DemoStatement(
        "hi",
        "हर व्यक्ति को उसकी अपनी भाषा में समझाया जाना चाहिए कि मशीन ने उसके बारे में फ़ैसला कैसे लिया।",
        (2, 1, 2),
    ),
    DemoStatement(
        "sw",
        "Serikali zote, hata zile ndogo, ziwe na kiti mezani wakati sheria za AI zinaandikwa.",
        (1, 1, 2),
    ),
    DemoStatement(
        "en",
        "Whoever is refused a loan, a job or a benefit by an AI system should be able to appeal to "
        "a human being who can change the decision.",
        (2, 2, 2),
    ),
    DemoStatement(
        "en",
        "No company should train on what people wrote or drew unless they said yes first.",
        (2, -2, 1),
    ),
    DemoStatement(
        "en",
        "Jobs lost to AI should be made good by the companies that profit from it, through a fund "
        "that workers help to run.",
        (0, -2, 2),
    ),
    DemoStatement("en", "AI should never decide on its own to fire a weapon.", (2, 1, 2)),
    DemoStatement(
        "en",
        "Where AI can do a task safely, no law should force people to keep doing it by hand.",
        (-1, 2, -2),
    ),
    DemoStatement(
        "en",
        "Work on models stronger than today's should stop until independent scientists agree that "
        "they can be controlled.",
        (2, -2, 0),
    ),
    DemoStatement("en", "A machine should say at the start that it is a machine.", (2, 2, 2)),
    DemoStatement(
        "en",
        "Too many rules will mean that only the biggest companies can afford to build AI.",
        (-1, 2, -1),
    ),
    DemoStatement(
        "en",
        "A company whose AI harms somebody should pay for it, even if nobody meant any harm.",
        (2, -1, 2),
    ),
    DemoStatement(
        "en",
        "AI tutors belong in schools only where a teacher stays in charge of the class.",
        (1, -1, 2),
    ),
    DemoStatement(
        "en", "Copyright should not keep machines from reading what anybody may read.", (-2, 2, -2)
    ),
    DemoStatement(
        "es",
        "Los menores de dieciséis años no deberían hablar a solas con un chatbot que finge ser su "
        "amigo.",
        (2, 0, 1),
    ),
    DemoStatement(
        "es",
        "Las empresas deben decir cuánta agua y electricidad consume cada centro de datos.",
        (2, 1, 2),
    ),
    DemoStatement(
        "es",
        "Prefiero que un laboratorio avance rápido y corrija sus errores a que espere años por "
        "miedo.",
        (-2, 2, -1),
    ),
    DemoStatement(
        "es",
        "Antes de usar una IA en una oficina o una fábrica, los trabajadores deben poder votar "
        "cómo se usará.",
        (0, -1, 2),
    ),
    DemoStatement(
        "es",
        "La policía no debería usar el reconocimiento facial en las calles, ni siquiera para "
        "buscar delincuentes.",
        (2, 0, 0),
    ),
    DemoStatement(
        "es",
        "Los gobiernos deberían comprar solo sistemas de IA cuyo código pueda revisar cualquiera.",
        (1, 2, 0),
    ),
    DemoStatement(
        "es",
        "Los avances médicos logrados con IA deben llegar a los países pobres al mismo tiempo que "
        "a los ricos.",
        (1, 2, 2),
    ),
    DemoStatement(
        "es",
        "Los sindicatos deberían poder ver los datos con los que un programa evalúa al personal.",
        (0, -1, 2),
    ),
    DemoStatement(
        "fr",
        "Les conversations avec une IA devraient être aussi confidentielles que celles avec un "
        "médecin.",
        (2, 1, 1),
    ),
    DemoStatement(
        "fr", "L'argent public ne devrait financer que des modèles ouverts à tous.", (-1, 2, 0)
    ),
    DemoStatement(
        "fr",
        "On ne devrait pas remplacer un employé par une IA sans lui proposer une formation payée.",
        (0, -1, 2),
    ),
    DemoStatement(
        "fr",
        "Les ingénieurs qui signalent un danger doivent être protégés, même s'ils ont signé une "
        "clause de secret.",
        (2, 1, 1),
    ),
    DemoStatement(
        "fr",
        "Des citoyens tirés au sort devraient pouvoir bloquer la sortie d'un modèle dangereux.",
        (2, -2, 0),
    ),
    DemoStatement(
        "fr", "Les images et les voix créées par une IA doivent porter une marque.", (2, 1, 1)
    ),
    DemoStatement(
        "fr",
        "Il est normal qu'une IA gratuite apprenne de nos conversations : c'est le prix à payer.",
        (-2, 1, -1),
    ),
    DemoStatement(
        "ar",
        "يجب أن تعمل أنظمة الذكاء الاصطناعي بالعربية ولهجاتها بالجودة نفسها التي تعمل بها "
        "بالإنجليزية.",
        (1, 1, 2),
    ),
    DemoStatement(
        "ar",
        "لا يجوز بيع أدوات المراقبة بالذكاء الاصطناعي لأي حكومة تسجن صحفييها.",
        (2, 0, 1),
    ),
    DemoStatement(
        "ar",
        "على الشركات أن تدفع أجورًا عادلة لمن يصنّفون البيانات وأن توفّر لهم رعاية نفسية.",
        (1, 0, 2),
    ),
    DemoStatement(
        "ar",
        "من حق كل إنسان أن يطلب حذف بياناته من تدريب النماذج وأن يُثبَت له ذلك.",
        (2, -1, 1),
    ),
    DemoStatement(
        "ar",
        "يجوز للجيوش استخدام الذكاء الاصطناعي في الدفاع إذا كان القرار الأخير لإنسان.",
        (-1, 2, 0),
    ),
    DemoStatement("ar", "ينبغي ألا يحل الذكاء الاصطناعي محل القاضي في أي محكمة.", (2, -1, 1)),
    DemoStatement(
        "ar",
        "الانفتاح أهم من السرية: ما يُبنى من معرفة الناس يجب أن يعود إلى الناس.",
        (-1, 2, 1),
    ),
    DemoStatement(
        "hi",
        "एआई से होने वाली कमाई पर कर लगाकर वह पैसा गाँवों के स्कूलों और अस्पतालों में लगाया जाए।",
        (0, -2, 2),
    ),
    DemoStatement(
        "hi",
        "बच्चों की तस्वीरों और आवाज़ों का इस्तेमाल किसी भी मॉडल के प्रशिक्षण में नहीं होना चाहिए।",
        (2, 1, 2),
    ),
    DemoStatement(
        "hi",
        "छोटी कंपनियों और विश्वविद्यालयों को सुरक्षा जाँच के कड़े नियमों से छूट मिलनी चाहिए।",
        (-2, 2, 0),
    ),
    DemoStatement("hi", "एआई डॉक्टर की मदद करे, डॉक्टर की जगह न ले।", (2, 0, 2)),
    DemoStatement(
        "hi", "नौकरी देने या नौकरी से निकालने का फ़ैसला किसी मशीन को नहीं करना चाहिए।", (2, -1, 2)
    ),
    DemoStatement(
        "sw",
        "Kampuni zinazojenga AI zinapaswa kuajiri na kulipa vizuri watu wa nchi ambako data "
        "inatoka.",
        (0, 0, 2),
    ),
    DemoStatement(
        "sw", "Vituo vya data visichukue maji au umeme ambao jamii jirani inauhitaji.", (2, 0, 2)
    ),
    DemoStatement(
        "sw",
        "Tusiogope sana: AI itafungua kazi mpya nyingi kuliko zile itakazoondoa.",
        (-1, 2, -2),
    ),
    DemoStatement(
        "sw", "AI isitumike katika kampeni za siasa kwa kujifanya kuwa mtu halisi.", (2, 1, 1)
    ),
    DemoStatement(
        "sw",
        "Wakulima wanapaswa kumiliki data ya mashamba yao, na kampuni iombe ruhusa kabla ya "
        "kuitumia.",
        (1, -1, 2),
    ),
    DemoStatement(
        "sw",
        "Ni afadhali kampuni chache zinazoaminika ziwe na modeli zenye nguvu kuliko kila mtu kuwa "
        "nazo.",
        (1, -2, -1),
    ),
)

TESTIMONIES: Final = (
    DemoTestimony(
        "en",
        "Last spring my application for a flat was turned down within a minute. Nobody could tell "
        "me why; the agent only said that the system had scored me low. Two months later I found "
        "out that it had mixed me up with a man of the same name who owed rent. By then the flat "
        "was gone. I don't want the machine abolished. I want somebody I can call.",
        0,
    ),
    DemoTestimony(
        "sw",
        "Kwa miaka miwili nilikuwa nikiangalia picha na maandishi ya kutisha ili kufundisha "
        "mfumo uyatambue. Tulilipwa kidogo kwa saa, na tulipoomba msaada wa kisaikolojia "
        "tuliambiwa tupumzike. Ninajivunia kazi ile, kwa sababu inawalinda watu. Lakini kampuni "
        "inayotumia kazi yetu inapaswa kutujua kwa majina, si kwa namba.",
        2,
    ),
    DemoTestimony(
        "es",
        "Enseño física en un pueblo sin laboratorio. Con un modelo abierto que funciona en un "
        "ordenador viejo, mis alumnos han hecho simulaciones que antes solo veían en los libros. "
        "Si ese modelo se hubiera quedado dentro de una empresa, aquí no habría llegado nunca.",
        1,
    ),
)
