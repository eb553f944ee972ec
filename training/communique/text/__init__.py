"""Characters to weighted terms: TF-IDF as algebra over distinct words.

scikit-learn walks every document and every n-gram in Python. Here a batch of statements is split at white space by
Arrow, each *distinct* word is looked at once, and the rest is sparse algebra. What comes out equals
``sklearn.feature_extraction.text.TfidfVectorizer`` for the same options, on any Unicode text.
"""
