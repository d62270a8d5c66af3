"""Statements written for these tests: six subjects in six languages, and an unbalanced set."""

from __future__ import annotations

from server.synthesis.ports import SourceStatement

_BALANCED: dict[str, dict[str, tuple[str, str]]] = {
    "privacy": {
        "en": (
            "My private messages should never be used to train an AI without my consent.",
            "Companies must delete my personal data from their models when I ask.",
        ),
        "es": (
            "Mis mensajes privados no deben usarse para entrenar una IA sin mi consentimiento.",
            "Las empresas deben borrar mis datos personales de sus modelos cuando lo pida.",
        ),
        "de": (
            "Meine privaten Nachrichten dürfen nicht ohne Zustimmung zum Training dienen.",
            "Firmen müssen meine persönlichen Daten löschen, wenn ich es verlange.",
        ),
        "zh": (
            "未经我同意，不得用我的私人信息训练人工智能。",
            "只要我要求，公司就必须从模型中删除我的个人数据。",
        ),
        "ar": (
            "لا يجوز استخدام رسائلي الخاصة لتدريب الذكاء الاصطناعي دون موافقتي.",
            "يجب على الشركات حذف بياناتي الشخصية من نماذجها عندما أطلب ذلك.",
        ),
        "sw": (
            "Ujumbe wangu wa faragha usitumike kufundisha akili bandia bila idhini yangu.",
            "Kampuni lazima zifute data yangu binafsi ninapoomba.",
        ),
    },
    "work": {
        "en": (
            "Workers who lose their jobs to automation should be paid while they retrain.",
            "Employers must talk with the union before machines replace employees.",
        ),
        "es": (
            (
                "Los trabajadores que pierdan su empleo por la automatización deben cobrar "
                "mientras se reciclan."
            ),
            (
                "Los empleadores deben hablar con el sindicato antes de sustituir empleados por "
                "máquinas."
            ),
        ),
        "de": (
            (
                "Beschäftigte, die ihre Arbeit durch Automatisierung verlieren, sollen während der "
                "Umschulung Lohn bekommen."
            ),
            (
                "Arbeitgeber müssen mit der Gewerkschaft sprechen, bevor Maschinen Angestellte "
                "ersetzen."
            ),
        ),
        "zh": (
            "因自动化失业的工人在再培训期间应当领工资。",
            "用机器取代员工之前，雇主必须与工会协商。",
        ),
        "ar": (
            "ينبغي دفع أجور للعمال الذين يفقدون وظائفهم بسبب الأتمتة أثناء إعادة تدريبهم.",
            "يجب على أصحاب العمل التحدث مع النقابة قبل استبدال الموظفين بالآلات.",
        ),
        "sw": (
            "Wafanyakazi wanaopoteza kazi kwa sababu ya mashine walipwe wakati wa mafunzo mapya.",
            "Waajiri lazima wazungumze na chama cha wafanyakazi kabla ya mashine kuchukua kazi.",
        ),
    },
    "school": {
        "en": (
            "Teachers should decide when pupils may use chatbots for homework.",
            "Schools should teach children how AI tutors make mistakes.",
        ),
        "es": (
            (
                "Los profesores deberían decidir cuándo los alumnos pueden usar chatbots en los "
                "deberes."
            ),
            "Las escuelas deberían enseñar a los niños cómo se equivocan los tutores de IA.",
        ),
        "de": (
            "Lehrkräfte sollten entscheiden, wann Schüler Chatbots für Hausaufgaben nutzen.",
            "Schulen sollten Kindern beibringen, wie KI-Nachhilfe Fehler macht.",
        ),
        "zh": (
            "学生做作业时何时可以用聊天机器人，应由老师决定。",
            "学校应当教孩子们人工智能辅导老师会怎样出错。",
        ),
        "ar": (
            "ينبغي أن يقرر المعلمون متى يستخدم التلاميذ روبوتات المحادثة في الواجبات المدرسية.",
            "ينبغي للمدارس أن تعلّم الأطفال كيف يخطئ المعلم الآلي.",
        ),
        "sw": (
            "Walimu waamue ni lini wanafunzi watumie roboti za mazungumzo kwa kazi za nyumbani.",
            "Shule ziwafundishe watoto jinsi walimu wa akili bandia wanavyokosea.",
        ),
    },
    "health": {
        "en": (
            "A doctor must check every diagnosis that a machine makes for a patient.",
            "Hospitals should tell patients when an algorithm reads their scans.",
        ),
        "es": (
            "Un médico debe revisar cada diagnóstico que una máquina haga a un paciente.",
            (
                "Los hospitales deberían avisar a los pacientes cuando un algoritmo lee sus "
                "radiografías."
            ),
        ),
        "de": (
            "Ein Arzt muss jede Diagnose prüfen, die eine Maschine für einen Patienten stellt.",
            "Krankenhäuser sollten Patienten sagen, wenn ein Algorithmus ihre Aufnahmen liest.",
        ),
        "zh": (
            "机器给病人做出的每个诊断都必须由医生检查。",
            "当算法解读病人的片子时，医院应当告知病人。",
        ),
        "ar": (
            "يجب أن يراجع الطبيب كل تشخيص تجريه آلة لمريض.",
            "ينبغي للمستشفيات أن تخبر المرضى عندما تقرأ خوارزمية صور الأشعة.",
        ),
        "sw": (
            "Daktari lazima akague kila utambuzi wa ugonjwa unaofanywa na mashine kwa mgonjwa.",
            "Hospitali ziwaambie wagonjwa kama programu inasoma picha zao za eksirei.",
        ),
    },
    "energy": {
        "en": (
            "Data centres should run on renewable electricity only.",
            "AI companies must publish how much water and power their servers use.",
        ),
        "es": (
            "Los centros de datos deberían funcionar solo con electricidad renovable.",
            "Las empresas de IA deben publicar cuánta agua y energía consumen sus servidores.",
        ),
        "de": (
            "Rechenzentren sollten nur mit erneuerbarem Strom laufen.",
            "KI-Firmen müssen veröffentlichen, wie viel Wasser und Strom ihre Server verbrauchen.",
        ),
        "zh": (
            "数据中心应当只使用可再生电力。",
            "人工智能公司必须公布其服务器用了多少水和电。",
        ),
        "ar": (
            "ينبغي أن تعمل مراكز البيانات بالكهرباء المتجددة فقط.",
            "يجب على شركات الذكاء الاصطناعي نشر مقدار ما تستهلكه خوادمها من الماء والكهرباء.",
        ),
        "sw": (
            "Vituo vya data vitumie umeme wa nishati jadidifu pekee.",
            "Kampuni za akili bandia lazima zitangaze seva zao zinatumia maji na umeme kiasi gani.",
        ),
    },
    "elections": {
        "en": (
            "Political advertisements made with AI should carry a label before elections.",
            "Fake videos of candidates must be taken down within hours during a campaign.",
        ),
        "es": (
            (
                "La publicidad política hecha con IA debería llevar una etiqueta antes de las "
                "elecciones."
            ),
            "Los vídeos falsos de candidatos deben retirarse en pocas horas durante la campaña.",
        ),
        "de": (
            "Wahlwerbung, die mit KI gemacht ist, sollte vor Wahlen gekennzeichnet sein.",
            "Gefälschte Videos von Kandidaten müssen im Wahlkampf binnen Stunden verschwinden.",
        ),
        "zh": (
            "选举前，用人工智能制作的政治广告应当有标签。",
            "竞选期间，候选人的假视频必须在几小时内删除。",
        ),
        "ar": (
            "ينبغي وضع علامة على الإعلانات السياسية المصنوعة بالذكاء الاصطناعي قبل الانتخابات.",
            "يجب إزالة مقاطع الفيديو المزيفة للمرشحين خلال ساعات أثناء الحملة الانتخابية.",
        ),
        "sw": (
            "Matangazo ya kisiasa yaliyotengenezwa na akili bandia yawe na lebo kabla ya uchaguzi.",
            "Video bandia za wagombea lazima ziondolewe ndani ya saa chache wakati wa kampeni.",
        ),
    },
}

_PRIVACY_EN = (
    "Nobody may read my chats without a court order.",
    "Facial recognition in the street invades our privacy.",
    "Apps should not track where I am all day.",
    "I want to see every piece of data a company keeps about me.",
    "Voice assistants must not record us at home.",
    "Selling personal data to advertisers should be forbidden.",
    "My photos belong to me, not to the company that trains models.",
    "Anonymous use of services has to stay possible.",
    "Children's data deserves special protection.",
    "Leaks of personal data should be reported within a day.",
    "Cookies and trackers need my clear permission.",
    "Police databases of faces should be deleted.",
)
_WORK_EN = (
    "Robots should not put drivers out of work without compensation.",
    "Young people need training for new kinds of jobs.",
)
_PRIVACY_SW = (
    "Kampuni zisiuze taarifa zangu binafsi kwa watangazaji.",
    "Kamera za kutambua nyuso mitaani zinaingilia faragha yetu.",
)
_WORK_SW = (
    "Mashine zisiwanyang'anye madereva kazi bila fidia.",
    "Vijana wanahitaji mafunzo ya kazi mpya.",
    "Mshahara wa wafanyakazi usipunguzwe kwa sababu ya roboti.",
    "Viwanda viajiri watu wa hapa kabla ya kununua mashine.",
    "Serikali ilipe mafunzo ya wafanyakazi waliopoteza ajira.",
    "Wafanyakazi wa mikataba wapewe haki sawa na wengine.",
    "Ajira kwa vijana ni muhimu kuliko faida ya kampuni.",
    "Wanaofundisha akili bandia walipwe mshahara mzuri.",
    "Chama cha wafanyakazi kishirikishwe kabla ya kufukuza watu kazini.",
    "Kazi za mikono zitapotea kama hatujifunzi ujuzi mpya.",
    "Wakulima wasipoteze ajira zao kwa sababu ya mashine.",
    "Saa za kazi zipunguzwe mashine zikifanya kazi zaidi.",
)


def balanced() -> tuple[list[SourceStatement], list[str]]:
    """72 statements, each subject twice in each language, and their subjects."""
    statements, subjects = [], []
    for subject, by_language in _BALANCED.items():
        for language, texts in by_language.items():
            for number, text in enumerate(texts):
                statements.append(SourceStatement(f"{subject}-{language}-{number}", text, language))
                subjects.append(subject)
    return statements, subjects


def unbalanced() -> tuple[list[SourceStatement], list[str]]:
    """28 statements: English mostly on privacy, Swahili mostly on work; and their subjects."""
    statements, subjects = [], []
    blocks = (
        ("privacy", "en", _PRIVACY_EN),
        ("work", "en", _WORK_EN),
        ("privacy", "sw", _PRIVACY_SW),
        ("work", "sw", _WORK_SW),
    )
    for subject, language, texts in blocks:
        for number, text in enumerate(texts):
            statements.append(SourceStatement(f"{subject}-{language}-{number}", text, language))
            subjects.append(subject)
    return statements, subjects
