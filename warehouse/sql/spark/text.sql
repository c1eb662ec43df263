-- Cleans text from people and spreadsheets; the DuckDB file of this name explains each step.
-- Java's patterns: \z is the end (`$` would also stand before a last line break), \x27 an apostrophe.

-- The content of ="...", by which spreadsheets keep a number as text. Steps are functions of their own, because a
-- function binds its argument once, and Spark allows no lambda around or inside a function of ours.
CREATE OR REPLACE TEMPORARY FUNCTION _unquoted(t STRING) RETURNS STRING RETURN
CASE WHEN t RLIKE r'^="[^"]*"\z' THEN regexp_extract(t, r'^="[ \x27‘’`]*([^"]*?) ?"\z', 1) ELSE t END;

CREATE OR REPLACE TEMPORARY FUNCTION _ideographs(t STRING) RETURNS STRING RETURN
CASE
    WHEN t RLIKE r'[\x{2E80}-\x{2FDF}\x{E78D}-\x{E796}\x{E7C7}\x{E7C8}\x{E816}-\x{E864}\x{F900}-\x{FAFF}\x{2F800}-\x{2FA1F}]'
    THEN
        translate(
            t,
            '⺘⺟⺠⺰⻁⻄⻅⻆⻈⻉⻊⻋⻐⻑⻓⻔⻘⻙⻚⻛⻜⻝⻠⻢⻣⻤⻥⻦⻧⻨⻩⻪⻬⻮⻰⻳⼀⼁⼂⼃⼄⼅⼆⼇⼈⼉⼊⼋⼌⼍⼎⼏⼐⼑⼒⼓⼔⼕⼖⼗'
            || '⼘⼙⼚⼛⼜⼝⼞⼟⼠⼡⼢⼣⼤⼥⼦⼧⼨⼩⼪⼫⼬⼭⼮⼯⼰⼱⼲⼳⼴⼵⼶⼷⼸⼹⼺⼻⼼⼽⼾⼿⽀⽁⽂⽃⽄⽅⽆⽇⽈⽉⽊⽋⽌⽍⽎⽏⽐⽑⽒⽓'
            || '⽔⽕⽖⽗⽘⽙⽚⽛⽜⽝⽞⽟⽠⽡⽢⽣⽤⽥⽦⽧⽨⽩⽪⽫⽬⽭⽮⽯⽰⽱⽲⽳⽴⽵⽶⽷⽸⽹⽺⽻⽼⽽⽾⽿⾀⾁⾂⾃⾄⾅⾆⾇⾈⾉⾊⾋⾌⾍⾎⾏'
            || '⾐⾑⾒⾓⾔⾕⾖⾗⾘⾙⾚⾛⾜⾝⾞⾟⾠⾡⾢⾣⾤⾥⾦⾧⾨⾩⾪⾫⾬⾭⾮⾯⾰⾱⾲⾳⾴⾵⾶⾷⾸⾹⾺⾻⾼⾽⾾⾿⿀⿁⿂⿃⿄⿅⿆⿇⿈⿉⿊⿋'
            || '⿌⿍⿎⿏⿐⿑⿒⿓⿔⿕豈更車賈滑串句龜龜契金喇奈懶癩羅蘿螺裸邏樂洛烙珞'
            || '落酪駱亂卵欄爛蘭鸞嵐濫藍襤拉臘蠟廊朗浪狼郎來冷勞擄櫓爐盧老蘆虜路露魯鷺碌祿綠菉錄鹿論壟弄籠聾牢磊賂雷壘屢樓淚漏累縷陋勒肋'
            || '凜凌稜綾菱陵讀拏樂諾丹寧怒率異北磻便復不泌數索參塞省葉說殺辰沈拾若掠略亮兩凉梁糧良諒量勵呂女廬旅濾礪閭驪麗黎力曆歷轢年憐'
            || '戀撚漣煉璉秊練聯輦蓮連鍊列劣咽烈裂說廉念捻殮簾獵令囹寧嶺怜玲瑩羚聆鈴零靈領例禮醴隸惡了僚寮尿料樂燎療蓼遼龍暈阮劉杻柳流溜'
            || '琉留硫紐類六戮陸倫崙淪輪律慄栗率隆利吏履易李梨泥理痢罹裏裡里離匿溺吝燐璘藺隣鱗麟林淋臨立笠粒狀炙識什茶刺切度拓糖宅洞暴輻'
            || '行降見廓兀嗀塚晴凞猪益礼神祥福靖精羽蘒諸逸都飯飼館鶴郞隷侮僧免勉勤卑喝嘆器塀墨層屮悔慨憎懲敏既暑梅海渚漢煮爫琢碑社祉祈祐'
            || '祖祝禍禎穀突節練縉繁署者臭艹艹著褐視謁謹賓贈辶逸難響頻恵𤋮舘並况全侀充冀勇勺喝啕喙嗢塚墳奄奔婢嬨廒廙彩徭惘慎愈憎慠懲戴揄'
            || '搜摒敖晴朗望杖歹殺流滛滋漢瀞煮瞧爵犯猪瑱甆画瘝瘟益盛直睊着磌窱節类絛練缾者荒華蝹襁覆視調諸請謁諾諭謹變贈輸遲醙鉶陼難靖韛'
            || '響頋頻鬒龜𢡊𢡄𣏕㮝䀘䀹𥉉𥳐𧻓齃龎丽丸乁𠄢你侮侻倂偺備僧像㒞𠘺免兔兤具𠔜㒹內再𠕋冗冤仌冬况𩇟凵刃㓟刻剆割剷㔕勇勉勤勺包匆北'
            || '卉卑博即卽卿卿卿𠨬灰及叟𠭣叫叱吆咞吸呈周咢哶唐啓啣善善喙喫喳嗂圖嘆圗噑噴切壮城埴堍型堲報墬𡓤売壷夆多夢奢𡚨𡛪姬娛娧姘婦㛮'
            || '㛼嬈嬾嬾𡧈寃寘寧寳𡬘寿将当尢㞁屠屮峀岍𡷤嵃𡷦嵮嵫嵼巡巢㠯巽帨帽幩㡢𢆃㡼庰庳庶廊𪎒廾𢌱𢌱舁弢弢㣇𣊸𦇚形彫㣣徚忍志忹悁㤺㤜悔'
            || '𢛔惇慈慌慎慌慺憎憲憤憯懞懲懶成戛扝抱拔捐𢬌挽拼捨掃揤𢯱搢揅掩㨮摩摾撝摷㩬敏敬𣀊旣書晉㬙暑㬈㫤冒冕最暜肭䏙朗望朡杞杓𣏃㭉柺'
            || '枅桒梅𣑭梎栟椔㮝楂榣槪檨𣚣櫛㰘次𣢧歔㱎歲殟殺殻𣪍𡴋𣫺汎𣲼沿泍汧洖派海流浩浸涅𣴞洴港湮㴳滋滇𣻑淹潮𣽞𣾎濆瀹瀞瀛㶖灊災灷炭𠔥'
            || '煅𤉣熜𤎫爨爵牐𤘈犀犕𤜵𤠔獺王㺬玥㺸㺸瑇瑜瑱璅瓊㼛甤𤰶甾𤲒異𢆟瘐𤾡𤾸𥁄㿼䀈直𥃳𥃲𥄙𥄳眞真真睊䀹瞋䁆䂖𥐝硎碌磌䃣𥘦祖𥚚𥛅福秫'
            || '䄯穀穊穏𥥼𥪧𥪧竮䈂𥮫篆築䈧𥲀糒䊠糨糣紀𥾆絣䌁緇縂繅䌴𦈨𦉇䍙𦋙罺𦌾羕翺者𦓚𦔣聠𦖨聰𣍟䏕育脃䐋脾媵𦞧𦞵𣎓𣎜舁舄辞䑫芑芋芝劳花'
            || '芳芽苦𦬼若茝荣莭茣莽菧著荓菊菌菜𦰶𦵫𦳕䔫蓱蓳蔖𧏊蕤𦼬䕝䕡𦾱𧃒䕫虐虜虧虩蚩蚈蜎蛢蝹蜨蝫螆䗗蟡蠁䗹衠衣𧙧裗裞䘵裺㒻𧢮𧥦䚾䛇誠'
            || '諭變豕𧲨貫賁贛起𧼯𠠄跋趼跰𠣞軔輸𨗒𨗭邔郱鄑𨜮鄛鈸鋗鋘鉼鏹鐕𨯺開䦕閷𨵷䧦雃嶲霣𩅅𩈚䩮䩶韠𩐊䪲𩒖頋頋頩𩖶飢䬳餩馧駂駾䯎𩬰鬒鱀'
            || '鳽䳎䳭鵧𪃎䳸𪄅𪈎𪊑麻䵖黹黾鼅鼏鼖鼻𪘀',
            '扌母民纟虎西见角讠贝足车钅長长门青韦页风飞食饣马骨鬼鱼鸟卤麦黄黾齐齿龙龟一丨丶丿乙亅二亠人儿入八冂冖冫几凵刀力勹匕匚匸十'
            || '卜卩厂厶又口囗土士夂夊夕大女子宀寸小尢尸屮山巛工己巾干幺广廴廾弋弓彐彡彳心戈戶手支攴文斗斤方无日曰月木欠止歹殳毋比毛氏气'
            || '水火爪父爻爿片牙牛犬玄玉瓜瓦甘生用田疋疒癶白皮皿目矛矢石示禸禾穴立竹米糸缶网羊羽老而耒耳聿肉臣自至臼舌舛舟艮色艸虍虫血行'
            || '衣襾見角言谷豆豕豸貝赤走足身車辛辰辵邑酉釆里金長門阜隶隹雨靑非面革韋韭音頁風飛食首香馬骨高髟鬥鬯鬲鬼魚鳥鹵鹿麥麻黃黍黑黹'
            || '黽鼎鼓鼠鼻齊齒龍龜龠︐︒︑︓︔︕︖︗︘︙ḿǹ𠂇𠂉𠃌龴龵龶龷𡗗龸𢦏龹龺𤇾龻豈更車賈滑串句龜龜契金喇奈懶癩羅蘿螺裸邏樂洛烙珞'
            || '落酪駱亂卵欄爛蘭鸞嵐濫藍襤拉臘蠟廊朗浪狼郎來冷勞擄櫓爐盧老蘆虜路露魯鷺碌祿綠菉錄鹿論壟弄籠聾牢磊賂雷壘屢樓淚漏累縷陋勒肋'
            || '凜凌稜綾菱陵讀拏樂諾丹寧怒率異北磻便復不泌數索參塞省葉說殺辰沈拾若掠略亮兩凉梁糧良諒量勵呂女廬旅濾礪閭驪麗黎力曆歷轢年憐'
            || '戀撚漣煉璉秊練聯輦蓮連鍊列劣咽烈裂說廉念捻殮簾獵令囹寧嶺怜玲瑩羚聆鈴零靈領例禮醴隸惡了僚寮尿料樂燎療蓼遼龍暈阮劉杻柳流溜'
            || '琉留硫紐類六戮陸倫崙淪輪律慄栗率隆利吏履易李梨泥理痢罹裏裡里離匿溺吝燐璘藺隣鱗麟林淋臨立笠粒狀炙識什茶刺切度拓糖宅洞暴輻'
            || '行降見廓兀嗀塚晴凞猪益礼神祥福靖精羽蘒諸逸都飯飼館鶴郞隷侮僧免勉勤卑喝嘆器塀墨層屮悔慨憎懲敏既暑梅海渚漢煮爫琢碑社祉祈祐'
            || '祖祝禍禎穀突節練縉繁署者臭艹艹著褐視謁謹賓贈辶逸難響頻恵𤋮舘並况全侀充冀勇勺喝啕喙嗢塚墳奄奔婢嬨廒廙彩徭惘慎愈憎慠懲戴揄'
            || '搜摒敖晴朗望杖歹殺流滛滋漢瀞煮瞧爵犯猪瑱甆画瘝瘟益盛直睊着磌窱節类絛練缾者荒華蝹襁覆視調諸請謁諾諭謹變贈輸遲醙鉶陼難靖韛'
            || '響頋頻鬒龜𢡊𢡄𣏕㮝䀘䀹𥉉𥳐𧻓齃龎丽丸乁𠄢你侮侻倂偺備僧像㒞𠘺免兔兤具𠔜㒹內再𠕋冗冤仌冬况𩇟凵刃㓟刻剆割剷㔕勇勉勤勺包匆北'
            || '卉卑博即卽卿卿卿𠨬灰及叟𠭣叫叱吆咞吸呈周咢哶唐啓啣善善喙喫喳嗂圖嘆圗噑噴切壮城埴堍型堲報墬𡓤売壷夆多夢奢𡚨𡛪姬娛娧姘婦㛮'
            || '㛼嬈嬾嬾𡧈寃寘寧寳𡬘寿将当尢㞁屠屮峀岍𡷤嵃𡷦嵮嵫嵼巡巢㠯巽帨帽幩㡢𢆃㡼庰庳庶廊𪎒廾𢌱𢌱舁弢弢㣇𣊸𦇚形彫㣣徚忍志忹悁㤺㤜悔'
            || '𢛔惇慈慌慎慌慺憎憲憤憯懞懲懶成戛扝抱拔捐𢬌挽拼捨掃揤𢯱搢揅掩㨮摩摾撝摷㩬敏敬𣀊旣書晉㬙暑㬈㫤冒冕最暜肭䏙朗望朡杞杓𣏃㭉柺'
            || '枅桒梅𣑭梎栟椔㮝楂榣槪檨𣚣櫛㰘次𣢧歔㱎歲殟殺殻𣪍𡴋𣫺汎𣲼沿泍汧洖派海流浩浸涅𣴞洴港湮㴳滋滇𣻑淹潮𣽞𣾎濆瀹瀞瀛㶖灊災灷炭𠔥'
            || '煅𤉣熜𤎫爨爵牐𤘈犀犕𤜵𤠔獺王㺬玥㺸㺸瑇瑜瑱璅瓊㼛甤𤰶甾𤲒異𢆟瘐𤾡𤾸𥁄㿼䀈直𥃳𥃲𥄙𥄳眞真真睊䀹瞋䁆䂖𥐝硎碌磌䃣𥘦祖𥚚𥛅福秫'
            || '䄯穀穊穏𥥼𥪧𥪧竮䈂𥮫篆築䈧𥲀糒䊠糨糣紀𥾆絣䌁緇縂繅䌴𦈨𦉇䍙𦋙罺𦌾羕翺者𦓚𦔣聠𦖨聰𣍟䏕育脃䐋脾媵𦞧𦞵𣎓𣎜舁舄辞䑫芑芋芝劳花'
            || '芳芽苦𦬼若茝荣莭茣莽菧著荓菊菌菜𦰶𦵫𦳕䔫蓱蓳蔖𧏊蕤𦼬䕝䕡𦾱𧃒䕫虐虜虧虩蚩蚈蜎蛢蝹蜨蝫螆䗗蟡蠁䗹衠衣𧙧裗裞䘵裺㒻𧢮𧥦䚾䛇誠'
            || '諭變豕𧲨貫賁贛起𧼯𠠄跋趼跰𠣞軔輸𨗒𨗭邔郱鄑𨜮鄛鈸鋗鋘鉼鏹鐕𨯺開䦕閷𨵷䧦雃嶲霣𩅅𩈚䩮䩶韠𩐊䪲𩒖頋頋頩𩖶飢䬳餩馧駂駾䯎𩬰鬒鱀'
            || '鳽䳎䳭鵧𪃎䳸𪄅𪈎𪊑麻䵖黹黾鼅鼏鼖鼻𪘀'
        )
    ELSE t
END;

CREATE OR REPLACE TEMPORARY FUNCTION tidy_text(t STRING) RETURNS STRING RETURN
CASE
    WHEN t RLIKE (
        r'[\x{00}-\x{1F}\x{7F}-\x{A0}\x{AD}\x{1680}\x{2000}-\x{2013}\x{2028}-\x{202F}\x{205F}-\x{206F}]'
        || r'|[\x{2212}\x{3000}\x{FEFF}\x{FF01}-\x{FF5E}]|^[ \x27‘’`=]|  | \z'
        || r'|[\x{2E80}-\x{2FDF}\x{E78D}-\x{E796}\x{E7C7}\x{E7C8}\x{E816}-\x{E864}\x{F900}-\x{FAFF}\x{2F800}-\x{2FA1F}]'
    )
    THEN _unquoted(regexp_replace(
        regexp_replace(
            translate(
                regexp_replace(
                    _ideographs(t),
                    r'[\x{AD}\x{200B}-\x{200F}\x{202A}-\x{202E}\x{2060}-\x{206F}\x{FEFF}]+', ''
                ),
                '０１２３４５６７８９ＡＢＣＤＥＦＧＨＩＪＫＬＭＮＯＰＱＲＳＴＵＶＷＸＹＺ'
                || 'ａｂｃｄｅｆｇｈｉｊｋｌｍｎｏｐｑｒｓｔｕｖｗｘｙｚ＋－．／＃％＆＇＊＝＠＿‐‑‒–−',
                '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ'
                || 'abcdefghijklmnopqrstuvwxyz+-./#%&\'*=@_-----'
            ),
            r'[\x{00}-\x{20}\x{7F}-\x{A0}\x{1680}\x{2000}-\x{200A}\x{2028}\x{2029}\x{202F}\x{205F}\x{3000}]+',
            ' '
        ),
        r'^[ \x27‘’`]+([^\x27‘’`]*?) ?\z|^[ \x27`]+([^\x27‘’`]*?) ?[\x27`] ?\z|^ | \z', '$1$2'
    ))
    ELSE t
END;

CREATE OR REPLACE TEMPORARY FUNCTION _present(t STRING) RETURNS STRING RETURN
nullif(
    regexp_replace(
        t,
        r'(?iu)^(?:[-—―─_/\\、.…‥]+|无|空|暂无|没有|未知|不详|不明|未填|未填写|未登记|[(（](?:无|空|空白|null)[)）]'
        || r'|[<\[{]?(?:null|n/?a)[>\]}]?|\\N|none|nil|nan|-nan|nat|undefined'
        || r'|#n/a|#(?:null|ref|value|num|div/0|spill|calc|field|blocked|connect|busy|python|external|timeout|unknown|error)!'
        || r'|#name[?]|#getting_data)\z',
        ''
    ),
    ''
);

CREATE OR REPLACE TEMPORARY FUNCTION clean_text(t STRING) RETURNS STRING RETURN _present(tidy_text(t));

CREATE OR REPLACE TEMPORARY FUNCTION _without(t STRING, marks STRING) RETURNS STRING RETURN
_present(regexp_replace(tidy_text(t), marks, ''));

CREATE OR REPLACE TEMPORARY FUNCTION is_rounded_number(t STRING) RETURNS BOOLEAN RETURN
tidy_text(t) RLIKE r'^[1-9](?:[.][0-9]{1,16})?[Ee][+]?(?:1[1-9]|2[0-9])\z|^[1-9][0-9]{14}0{3,9}(?:[.]0+)?\z';

CREATE OR REPLACE TEMPORARY FUNCTION _shortest_of_float(whole BIGINT) RETURNS BIGINT RETURN
CASE
    WHEN CAST((whole + 500) DIV 1000 * 1000 AS DOUBLE) = CAST(whole AS DOUBLE) THEN (whole + 500) DIV 1000 * 1000
    WHEN CAST((whole + 50) DIV 100 * 100 AS DOUBLE) = CAST(whole AS DOUBLE) THEN (whole + 50) DIV 100 * 100
    WHEN CAST((whole + 5) DIV 10 * 10 AS DOUBLE) = CAST(whole AS DOUBLE) THEN (whole + 5) DIV 10 * 10
    ELSE whole
END;

CREATE OR REPLACE TEMPORARY FUNCTION is_float_number(t STRING) RETURNS BOOLEAN RETURN
t RLIKE r'^[1-9][0-9]{16,17}\z' AND (
    CAST(CAST(try_cast(t AS BIGINT) AS DOUBLE) AS BIGINT) = try_cast(t AS BIGINT)
    OR _shortest_of_float(CAST(CAST(try_cast(t AS BIGINT) AS DOUBLE) AS BIGINT)) = try_cast(t AS BIGINT)
);

-- Rewrites a number from the form of Java to the form of DuckDB: 1.0E7 is 10000000.0, 1.0E-5 is 1e-05, 1.5E16 is 1.5e+16.
CREATE OR REPLACE TEMPORARY FUNCTION _double_text(t STRING) RETURNS STRING RETURN
CASE
    WHEN t NOT LIKE '%E%' THEN t
    WHEN CAST(substring_index(t, 'E', -1) AS INT) BETWEEN 0 AND 15 OR CAST(substring_index(t, 'E', -1) AS INT) = -4
    THEN regexp_replace(regexp_replace(
        CAST(CAST(t AS DECIMAL(38, 21)) AS STRING), r'0+\z', ''
    ), r'[.]\z', '.0')
    ELSE regexp_replace(substring_index(t, 'E', 1), r'[.]0\z', '')
        || 'e' || CASE WHEN t LIKE '%E-%' THEN '-' ELSE '+' END
        || lpad(
            replace(substring_index(t, 'E', -1), '-', ''),
            greatest(2, length(replace(substring_index(t, 'E', -1), '-', ''))), '0'
        )
END;
